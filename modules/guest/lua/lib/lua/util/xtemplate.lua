-- SPDX-License-Identifier: Apache-2.0

-- Text with parts of a stanza put into it: {path} as stanza:find has it, with
-- filters and what stands for something that is not there: {a/b#|and{text}},
-- {a#|or{text}}, {path|each{text for each child element}}.

local st = require "util.stanza";
local escape = st.xml_escape;

local render;

local function apply(value, filter, inner, root, filters)
	if filter == "and" or filter == "not" then
		if (value ~= nil) == (filter == "and") then return inner and render(inner:sub(2, -2), root, escape, filters) or "", true; end
		return nil, true;
	elseif filter == "or" then
		if value == nil then return inner and render(inner:sub(2, -2), root, escape, filters) or "", true; end
		return value, false;
	elseif filter == "each" and st.is_stanza(value) and inner then
		local out = {};
		for child in value:childtags() do out[#out + 1] = render(inner:sub(2, -2), child, escape, filters); end
		return table.concat(out), true;
	end
	local f = filters and filters[filter];
	if f then return f(value, inner and inner:sub(2, -2)); end
	return value, false;
end

function render(template, root, escaper, filters)
	escaper = escaper or escape;
	return (template:gsub("%b{}", function (block)
		local inner = block:sub(2, -2);
		local path, rest = inner:match("^([^|]*)(|?.*)$");
		local value = path == "" and root or root:find(path);
		local done = false;
		while rest ~= "" do
			local filter, argument, after = rest:match("^|(%a+)(%b{})(.*)$");
			if not filter then filter, after = rest:match("^|(%a+)(.*)$"); end
			if not filter then break; end
			value, done = apply(value, filter, argument, root, filters);
			rest = after;
		end
		if value == nil then return ""; end
		if st.is_stanza(value) then value = value:get_text() or tostring(value); end
		if done then return value; end
		return escaper(tostring(value));
	end));
end

return { render = render };
