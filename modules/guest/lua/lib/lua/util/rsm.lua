-- SPDX-License-Identifier: Apache-2.0

-- Result set management (XEP-0059).

local st = require "util.stanza";
local xmlns = "http://jabber.org/protocol/rsm";

local function number(tag) return tonumber((tag:get_text())); end
local function text(tag) return tag:get_text(); end

local readers = {
	max = number;
	index = number;
	count = number;
	after = text;
	last = text;
	before = function (tag)
		local at = tag:get_text();
		return at == "" or at;
	end;
	first = function (tag)
		local at = tag:get_text();
		return { at, index = tonumber(tag.attr.index) };
	end;
};

local function parse(set)
	local rsm = {};
	for tag in set:childtags() do
		local read = readers[tag.name];
		if read then rsm[tag.name] = read(tag); end
	end
	return rsm;
end

local order = { "after", "before", "count", "first", "index", "last", "max" };

local function generate(rsm)
	local set = st.stanza("set", { xmlns = xmlns });
	for _, name in ipairs(order) do
		local value = rsm[name];
		if value ~= nil then
			if name == "before" and value == true then
				set:tag(name):up();
			elseif name == "first" and type(value) == "table" then
				set:tag(name, { index = ("%d"):format(value.index) }):text(value[1]):up();
			elseif value ~= true then
				if type(value) == "number" then value = ("%d"):format(value); end
				set:tag(name):text(tostring(value)):up();
			end
		end
	end
	return set;
end

local function get(stanza)
	local set = stanza:get_child("set", xmlns);
	return set and parse(set);
end

return { parse = parse, generate = generate, get = get, xmlns = xmlns };
