-- SPDX-License-Identifier: Apache-2.0

-- Shows values the same way under every Lua, so that what two libraries give
-- can be compared. P shows values; T calls a function and shows what it
-- returns or that it raised an error; S shows a stanza with its attributes in
-- order.

local function quote(s)
	return '"' .. s:gsub('[%c"\\\127-\255]', function (c) return ("\\%03d"):format(c:byte()) end) .. '"';
end

local function number(v)
	if v ~= v then return "nan" end
	if v == math.huge then return "inf" elseif v == -math.huge then return "-inf" end
	if v == math.floor(v) and math.abs(v) < 1e15 then return ("%d"):format(v) end
	return ("%.14g"):format(v);
end

local function before(a, b)
	if type(a) ~= type(b) then return type(a) < type(b) end
	if type(a) == "number" or type(a) == "string" then return a < b end
	return tostring(a) < tostring(b);
end

local function show(v, depth)
	depth = depth or 0;
	local kind = type(v);
	if kind == "string" then return quote(v) end
	if kind == "number" then return number(v) end
	if kind == "nil" or kind == "boolean" then return tostring(v) end
	if kind ~= "table" then return "<" .. kind .. ">" end
	if depth > 6 then return "..." end
	local keys = {};
	for k, x in pairs(v) do
		local artefact = k == "last_add" or k == "namespaces" or k == "instance_id" or k == "_VERSION";
		if type(x) ~= "function" and not artefact then keys[#keys + 1] = k end
	end
	table.sort(keys, before);
	local out = {};
	for i, k in ipairs(keys) do out[i] = "[" .. show(k, depth + 1) .. "]=" .. show(v[k], depth + 1) end
	local meta = getmetatable(v);
	local name = type(meta) == "table" and meta.__name;
	return "{" .. table.concat(out, ",") .. "}" .. (name and "<" .. name .. ">" or "");
end

function P(...)
	local out = {};
	for i = 1, select("#", ...) do out[i] = show((select(i, ...))) end
	while out[#out] == "nil" do out[#out] = nil end
	print(table.concat(out, "  "));
end

local function report(ok, ...)
	if not ok then return print("error") end
	return P(...);
end

function T(f, ...) return report(pcall(f, ...)) end

-- L shows what an iterator gives.
function L(f, s, v)
	local out = {};
	while true do
		local a, b, c = f(s, v);
		if a == nil then break end
		v = a;
		out[#out + 1] = show(a) .. (b ~= nil and ":" .. show(b) or "") .. (c ~= nil and ":" .. show(c) or "");
	end
	print(table.concat(out, " "));
end

-- S shows a stanza as XML, attributes by name.
function S(s)
	local function xml(t, ns)
		if type(t) == "string" then return (t:gsub("[<>&]", "?")) end
		local names = {};
		for k in pairs(t.attr) do names[#names + 1] = k end
		table.sort(names);
		local out = { "<", t.name };
		for _, k in ipairs(names) do out[#out + 1] = " " .. k:gsub("\1", "|") .. "='" .. t.attr[k] .. "'" end
		out[#out + 1] = ">";
		for _, c in ipairs(t) do out[#out + 1] = xml(c) end
		out[#out + 1] = "</>";
		return table.concat(out);
	end
	if s == nil then return print("nil") end
	print(quote(xml(s)));
end
