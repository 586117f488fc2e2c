-- SPDX-License-Identifier: Apache-2.0

-- Text with values put into it.
--
-- Inside of what the pattern matches (usually "%b{}"): {name} is a value,
-- {a.b} one in a table, {name!} a value as it is, {name|filter(argument)} one
-- through filters, {name?other} something else if it is not there, {name&text}
-- text only if it is there, {name~text} text only if it is not, {list#text} text
-- for each item, {map%text} text for each key.

-- lookup follows a path "a.b" into the values.
local function lookup(values, path)
	local value = values[path];
	if value == nil and path:find(".", 1, true) then
		value = values;
		for step in path:gmatch("[^.]+") do
			if type(value) ~= "table" then return nil; end
			local below = value[step];
			if below == nil then below = value[tonumber(step)]; end
			value = below;
		end
	end
	return value;
end

local function new_render(pattern, escape, filters)
	local render;

	local function with(values, key, name, item)
		return setmetatable({ [key] = name, item = item }, { __index = values });
	end

	local function block(found_block, values)
		-- Split the inner text into name, operator and the rest.
		local inner = found_block:sub(2, -2);
		local name, operator, rest = inner:match("^([%a_][%w_.]*)(%p?)(.*)$");
		if not name then return; end
		while name:sub(-1) == "." do name, operator, rest = name:sub(1, -2), ".", operator .. rest; end
		local value = lookup(values, name);
		while operator == "|" do
			local filter, argument, after = rest:match("^([%a_][%w_.]*)(%b())(.*)$");
			if not filter then
				filter, after = rest:match("^([%a_][%w_.]*)(.*)$");
			end
			local apply = filter and filters and filters[filter];
			if apply and value ~= nil then
				local passed;
				if argument then passed = argument:sub(2, -2); end
				value = apply(value, passed);
			end
			if not filter then break; end
			operator, rest = after:sub(1, 1), after:sub(2);
		end
		if operator == "#" and type(value) == "table" then
			local out = {};
			for i, item in ipairs(value) do out[i] = render(rest, with(values, "idx", i, item)); end
			return table.concat(out);
		elseif operator == "%" and type(value) == "table" then
			local out = {};
			for key, item in pairs(value) do out[#out + 1] = render(rest, with(values, "idx", key, item)); end
			return table.concat(out);
		elseif operator == "&" then
			if not value then return ""; end
			return render(rest, values);
		elseif operator == "~" then
			if value then return ""; end
			return render(rest, values);
		elseif operator == "?" and value == nil then
			return render(rest, values);
		elseif operator == "!" then
			if value ~= nil then return tostring(value); end
			if rest ~= "" then return render(rest, values); end
			return;
		elseif value == nil then
			return;
		end
		if type(value) ~= "string" then value = tostring(value); end
		return escape and escape(value) or value;
	end

	function render(template, values)
		return (template:gsub(pattern, function (found) return block(found, values); end));
	end
	return render;
end

return { new = new_render };
