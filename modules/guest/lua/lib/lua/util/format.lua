-- SPDX-License-Identifier: Apache-2.0

-- string.format for logs: takes any value for any letter, and keeps what
-- could change a terminal out of it.

local pack = table.pack or function (...) return { n = select("#", ...), ... }; end;
local unpack = table.unpack or unpack;
local dump; -- util.serialization, when it is first needed

local is_number = {};
for letter in ("cdiouxXaAeEfgG"):gmatch(".") do is_number[letter] = true; end
local is_integer = {};
for letter in ("cdiouxX"):gmatch(".") do is_integer[letter] = true; end

-- Control characters are shown by their pictures in Unicode.
local pictures = {};
for c = 0, 31 do pictures[string.char(c)] = "\226\144" .. string.char(128 + c); end
pictures["\127"] = "\226\144\161";
pictures["\t"], pictures["\n"] = nil, nil;

local valid_utf8 = require "util.encodings".utf8.valid;

local function quote(text)
	return ('"%s"'):format((text:gsub('[%z\1-\31\\"\127-\255]', function (c)
		if c == "\n" then return "\\n"; end
		if c == "\r" then return "\\r"; end
		if c == "\t" then return "\\t"; end
		if c == '"' or c == "\\" then return "\\" .. c; end
		return ("\\%03d"):format(c:byte());
	end)));
end

local function clean(text)
	if not valid_utf8(text) then return quote(text); end
	return (text:gsub("[%z\1-\8\11-\31\127]", pictures):gsub("\n\t?", "\n\t"));
end

local function serialize(value)
	dump = dump or require "util.serialization".new({ preset = "debug" });
	return dump(value);
end

local function safe_tostring(value)
	if value == nil then return "(nil)"; end
	return clean(tostring(value));
end

local function fits(letter, value)
	if type(value) ~= "number" then return false; end
	if not is_integer[letter] then return true; end
	return value % 1 == 0 and value >= -2 ^ 53 and value < 2 ^ 53;
end

local function format(pattern, ...)
	local args = pack(...);
	local used = 0;
	pattern = pattern:gsub("%%([%-+ #0]*%d*%.?%d*)(.?)", function (modifiers, letter)
		if letter == "%" then return; end
		used = used + 1;
		local value = args[used];
		if value == nil then
			args[used] = "(nil)";
			return "%s";
		elseif letter == "q" then
			if type(value) == "string" then
				args[used] = quote(value);
			else
				args[used] = serialize(value);
			end
			return "%s";
		elseif letter == "s" then
			local meta = getmetatable(value);
			if type(value) == "table" and not (type(meta) == "table" and meta.__tostring) then
				args[used] = clean(serialize(value));
			else
				args[used] = safe_tostring(value);
			end
		elseif letter == "p" then
			args[used] = "[" .. safe_tostring(value) .. "]";
			return "%s";
		elseif is_number[letter] and not fits(letter, value) then
			if type(value) == "table" then
				args[used] = "[" .. clean(serialize(value)) .. "]";
			else
				args[used] = "[" .. safe_tostring(value) .. "]";
			end
			return "%s";
		end
		return "%" .. modifiers .. letter;
	end);
	-- What has no place is written behind.
	while used < args.n do
		used = used + 1;
		local value = args[used];
		if type(value) == "table" and not (getmetatable(value) or {}).__tostring then
			args[used] = clean(serialize(value));
		else
			args[used] = safe_tostring(value);
		end
		pattern = pattern .. " [%s]";
	end
	return (pattern:format(unpack(args, 1, used)));
end

return { format = format };
