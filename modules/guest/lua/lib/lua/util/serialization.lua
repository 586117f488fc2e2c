-- SPDX-License-Identifier: Apache-2.0

-- Values as text that Lua reads back.

local envload = require "util.envload".envload;
local pairs, type, tostring, getmetatable = pairs, type, tostring, getmetatable;

local huge = 1 / 0;

local keywords = {};
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true
	until while]]):gmatch("%l+") do
	keywords[word] = true;
end

local function quote(text)
	return ('"%s"'):format((text:gsub("[%c\\\"\128-\255]", function (c)
		if c == "\n" then return "\\n"; end
		if c == "\r" then return "\\r"; end
		if c == "\t" then return "\\t"; end
		if c == '"' or c == "\\" then return "\\" .. c; end
		return ("\\%03d"):format(c:byte());
	end):gsub("%z", "\\000")));
end

local function number(n)
	if n == huge then return "(1/0)"; end
	if n == -huge then return "(-1/0)"; end
	if n ~= n then return "(0/0)"; end
	if n % 1 == 0 and n > -2 ^ 53 and n < 2 ^ 53 then return ("%d"):format(n); end
	return ("%.18g"):format(n);
end

-- What each option is: how lines break and are indented, what stands around
-- keys, and what happens to values that can not be written.
local plain = {
	preset = "default"; indentwith = "\t"; itemstart = "\n"; itemsep = ";"; itemlast = ";\n"; tstart = "{"; tend = "}";
	kstart = "["; kend = "]"; equals = " = "; tempty = "{}"; unquoted = false; hex = nil; freeze = false; maxdepth = 127;
	multirefs = false; fatal = true; sortkeys = false;
};

local presets = {
	default = {};
	pretty = { freeze = true };
	debug = {
		fatal = false; freeze = true; unquoted = true; oneline = true; maxdepth = 3; sortkeys = true; multirefs = true;
		names = true; tempty = "{ }";
	};
	compact = { itemstart = ""; itemsep = ";"; itemlast = ""; indentwith = ""; equals = "="; unquoted = true };
	oneline = { oneline = true; tempty = "{ }" };
};

local function options_of(given)
	if type(given) == "string" then given = { preset = given }; end
	given = given or {};
	local options = {};
	for name, value in pairs(plain) do options[name] = value; end
	local preset = presets[given.preset or "default"];
	if not preset then error("unknown preset: " .. tostring(given.preset), 3); end
	for name, value in pairs(preset) do options[name] = value; end
	for name, value in pairs(given) do options[name] = value; end
	if options.oneline then
		options.indentwith, options.itemstart, options.itemlast = "", " ", " ";
	end
	return options;
end

local function sorted_keys(t)
	local keys = {};
	for key in pairs(t) do keys[#keys + 1] = key; end
	table.sort(keys, function (a, b)
		local ta, tb = type(a), type(b);
		if ta == "number" and tb == "number" then return a < b; end
		if ta ~= tb then return ta < tb; end
		return tostring(a) < tostring(b);
	end);
	return keys;
end

local function new(given)
	local options = options_of(given);
	local write;

	local function refuse(value, reason)
		if options.fatal then
			error("Can't serialize " .. type(value) .. (reason and ": " .. reason or ""), 0);
		end
		local text = ("{__type=%s,__error=%s}"):format(quote(type(value)), quote(reason or "fail"));
		if type(value) ~= "table" and options.names then text = tostring(value); return quote(text); end
		return text;
	end
	if options.fallback then refuse = options.fallback; end

	local function write_key(key)
		if options.unquoted and type(key) == "string" and key:find("^[%a_][%w_]*$") and not keywords[key] then
			return key;
		end
		return options.kstart .. write(key, 0, {}) .. options.kend;
	end

	local function write_table(t, depth, open)
		if open[t] then return refuse(t, "table has multiple references"); end
		if depth > options.maxdepth then return refuse(t, "max table depth reached"); end
		open[t] = true;
		local name = "";
		if options.freeze then
			local meta = getmetatable(t);
			if type(meta) == "table" and meta.__freeze then
				if options.names and type(meta.__name) == "string" then name = meta.__name; end
				t = meta.__freeze(t);
				if type(t) ~= "table" then return name .. write(t, depth, open); end
			end
		end
		local parts = {};
		local indent = options.indentwith:rep(depth);
		local count = 0;
		while rawget(t, count + 1) ~= nil do count = count + 1; end
		local function add(text)
			parts[#parts + 1] = options.itemstart .. (options.itemstart == "\n" and indent or "") .. text;
		end
		local function item(key)
			local value = t[key];
			if type(key) == "number" and key % 1 == 0 and key >= 1 and key <= count then return; end
			add(write_key(key) .. options.equals .. write(value, depth + 1, open));
		end
		for i = 1, count do add(write(t[i], depth + 1, open)); end
		if options.sortkeys then
			for _, key in ipairs(sorted_keys(t)) do item(key); end
		else
			for key in pairs(t) do item(key); end
		end
		if options.multirefs then open[t] = nil; end
		if #parts == 0 then return name .. options.tempty; end
		local text = table.concat(parts, options.itemsep) .. options.itemlast;
		if options.itemstart == "\n" then text = text .. options.indentwith:rep(depth - 1); end
		return name .. options.tstart .. text .. options.tend;
	end

	function write(value, depth, open)
		local kind = type(value);
		if kind == "nil" or kind == "boolean" then return tostring(value); end
		if kind == "number" then return number(value); end
		if kind == "string" then return options.hex and ("%s"):format(quote(value)) or quote(value); end
		if kind == "table" then return write_table(value, depth, open); end
		return refuse(value);
	end

	return function (value) return write(value, 1, {}); end;
end

local function serialize(value, options)
	return new(options)(value);
end

local function deserialize(text)
	if type(text) ~= "string" then return nil; end
	local chunk, err = envload("return " .. text, "=serialized data", {});
	if not chunk then return nil, err; end
	local ok, value = pcall(chunk);
	if not ok then return nil, value; end
	return value;
end

return { new = new, serialize = serialize, deserialize = deserialize };
