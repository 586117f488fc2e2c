-- SPDX-License-Identifier: Apache-2.0

-- Text with values put into it.
--
-- Inside of what the pattern matches (usually "%b{}"): {name} is a value,
-- {a.b} one in a table, {name!} a value as it is, {name|filter} one through a
-- filter, {name?other} something else if it is not there or false, {name&text}
-- text only if it is there, {name~text} text only if it is not, {list#text} text
-- for each item, {map%text} text for each key. What is not there and has no such
-- operator stays as it stands.

-- lookup follows a path "a.b" into the values.
local function lookup(values, path)
	local value = values[path];
	if not value and path:find(".", 2, true) then
		value = values;
		for step in path:gmatch("[^.]+") do
			if type(value) ~= "table" then return nil; end
			value = value[step];
		end
	end
	return value;
end

local parts = "^([%a_][%w_.]*)(!?)(%p?)()";

local function new_render(pattern, escape, filters)
	local render;

	-- each renders text for all that a list or a map has.
	local function each(text, values, iterate, list)
		local out = {};
		if type(list) == "table" then
			for index, item in iterate(list) do
				out[#out + 1] = render(text, setmetatable({ idx = index, item = item }, { __index = values }));
			end
		end
		return table.concat(out);
	end

	local function block(found, values)
		local inner = found:sub(2, -2);
		local name, raw, operator, at = inner:match(parts);
		if not name then return; end
		local value = lookup(values, name);
		while filters and operator == "|" do
			name, raw, operator, at = inner:match(parts, at);
			local filter = name and filters[name];
			if filter and value ~= nil then value = filter(value); end
		end
		local text = at and inner:sub(at) or "";
		if operator == "#" then return each(text, values, ipairs, value); end
		if operator == "%" then return each(text, values, pairs, value); end
		if operator == "&" then return value and render(text, values) or ""; end
		if operator == "~" then return value and "" or render(text, values); end
		if operator == "?" and not value then return render(text, values); end
		if value == nil then return; end
		if type(value) ~= "string" then value = tostring(value); end
		return raw == "!" and value or escape(value);
	end

	function render(template, values)
		return (template:gsub(pattern, function (found) return block(found, values); end));
	end
	return render;
end

return { new = new_render };
