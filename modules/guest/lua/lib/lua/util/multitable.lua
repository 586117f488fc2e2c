-- SPDX-License-Identifier: Apache-2.0

-- Tables with several keys for one value.

local select, unpack = select, table.unpack or unpack;
local multitable_mt = { __index = {} };
local methods = multitable_mt.__index;

function methods:get(...)
	local at = self.data;
	for i = 1, select("#", ...) do
		if type(at) ~= "table" then return nil; end
		at = at[(select(i, ...))];
		if at == nil then return nil; end
	end
	return at;
end

function methods:add(...)
	local at, count = self.data, select("#", ...);
	for i = 1, count - 1 do
		local key = (select(i, ...));
		if at[key] == nil then at[key] = {}; end
		at = at[key];
	end
	at[#at + 1] = (select(count, ...));
end

function methods:set(...)
	local at, count = self.data, select("#", ...);
	for i = 1, count - 2 do
		local key = (select(i, ...));
		if at[key] == nil then at[key] = {}; end
		at = at[key];
	end
	at[(select(count - 1, ...))] = (select(count, ...));
end

-- walk removes what lies below the keys; nil is each key.
local function walk(at, keys, i, count)
	if i == count then
		if keys[i] == nil then
			for key in pairs(at) do at[key] = nil; end
		else
			at[keys[i]] = nil;
		end
		return next(at) == nil;
	end
	if keys[i] ~= nil then
		local below = at[keys[i]];
		if type(below) == "table" and walk(below, keys, i + 1, count) then at[keys[i]] = nil; end
	else
		local all = {};
		for key in pairs(at) do all[#all + 1] = key; end
		for _, key in ipairs(all) do
			if type(at[key]) == "table" and walk(at[key], keys, i + 1, count) then at[key] = nil; end
		end
	end
	return next(at) == nil;
end

function methods:remove(...)
	local count = select("#", ...);
	if count > 0 then walk(self.data, { ... }, 1, count); end
end

local function find(at, keys, i, count, found)
	if i > count then
		found[#found + 1] = at;
		return;
	end
	if type(at) ~= "table" then return; end
	if keys[i] ~= nil then
		if at[keys[i]] ~= nil then find(at[keys[i]], keys, i + 1, count, found); end
	else
		for _, below in pairs(at) do find(below, keys, i + 1, count, found); end
	end
end

-- search returns a list of what lies below the keys; nil is each key.
function methods:search(...)
	local found = {};
	find(self.data, { ... }, 1, select("#", ...), found);
	return found;
end

function methods:search_add(list, ...)
	list = list or {};
	find(self.data, { ... }, 1, select("#", ...), list);
	return list;
end

-- iter walks over all keys and values below the keys given; nil is each key.
function methods:iter(...)
	local keys, count = { ... }, select("#", ...);
	local rows = {};
	local function gather(at, i, path)
		if i > count then
			local row = { n = count + 1 };
			for j = 1, count do row[j] = path[j]; end
			row[count + 1] = at;
			rows[#rows + 1] = row;
			return;
		end
		if type(at) ~= "table" then return; end
		if keys[i] ~= nil then
			path[i] = keys[i];
			if at[keys[i]] ~= nil then gather(at[keys[i]], i + 1, path); end
			return;
		end
		for key, below in pairs(at) do
			path[i] = key;
			gather(below, i + 1, path);
		end
	end
	gather(self.data, 1, {});
	local i = 0;
	return function ()
		i = i + 1;
		if rows[i] then return unpack(rows[i], 1, rows[i].n); end
	end;
end

local function new() return setmetatable({ data = {} }, multitable_mt); end
return { new = new, iter = methods.iter };
