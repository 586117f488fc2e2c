-- SPDX-License-Identifier: Apache-2.0

-- Stanzas from XML with placeholders {name} in texts and attributes.

local st = require "util.stanza";
local parse_xml = require "util.xml".parse;

local function trim(text)
	return (text:gsub("^%s*(.-)%s*$", "%1"));
end

-- fill replaces placeholders in a string.
local function fill(text, values)
	return (text:gsub("{(.-)}", function (name)
		local value = values[name];
		if value ~= nil then return tostring(value); end
		return "";
	end));
end

local build;

-- place adds what text says to a stanza; {name!} or a stanza value is a child.
local function place(into, text, values)
	local name = text:match("^{([^{}]-)!?}$");
	if name and st.is_stanza(values[name]) then
		into:add_direct_child(values[name]);
		return;
	end
	local filled = fill(text, values);
	if filled ~= "" then into:add_direct_child(filled); end
end

function build(template, values)
	local attr = {};
	for name, value in pairs(template.attr) do
		local only = value:match("^{([^{}]+)}$");
		if only then
			local filled = values[only];
			attr[name] = filled ~= nil and tostring(filled) or nil;
		else
			attr[name] = fill(value, values);
		end
	end
	local made = st.stanza(template.name, attr);
	for _, child in ipairs(template) do
		if type(child) == "table" then
			made:add_direct_child(build(child, values));
		else
			place(made, child, values);
		end
	end
	return made;
end

-- strip takes white space around elements out.
local function strip(stanza)
	stanza:maptags(strip);
	if #stanza.tags > 0 then
		for i = #stanza, 1, -1 do
			if type(stanza[i]) == "string" then
				local text = trim(stanza[i]);
				if text == "" then table.remove(stanza, i); else stanza[i] = text; end
			end
		end
	end
	return stanza;
end

local template_mt = { __name = "template" };
template_mt.__index = template_mt;

local function create(text)
	local stanza, err = parse_xml(text);
	if not stanza then error("Invalid template: " .. tostring(err), 2); end
	strip(stanza);
	local where = debug.getinfo(2, "Sl") or {};
	local name = ("template(%s:%s)"):format((where.short_src or "?"):match("([^\\/]*)$"), where.currentline or 0);
	return setmetatable({
		text = text;
		apply = function (values) return build(stanza, values or {}); end;
	}, { __tostring = function () return name; end, __index = template_mt });
end

return create;
