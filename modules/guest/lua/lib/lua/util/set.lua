-- SPDX-License-Identifier: Apache-2.0

-- Sets: a table `_items` with each member as key and true as value.

local set_mt = { __name = "set" };
local set = { _VERSION = "tercet" };

local function is_set(v)
	return getmetatable(v) == set_mt;
end

local methods = {};
set_mt.__index = methods;

local function new(list)
	local items = {};
	local made = setmetatable({ _items = items }, set_mt);
	if type(list) == "table" then
		if is_set(list) then
			for item in pairs(list._items) do items[item] = true; end
		else
			for _, item in ipairs(list) do items[item] = true; end
		end
	end
	return made;
end

function methods:add(item) self._items[item] = true; end
function methods:remove(item) self._items[item] = nil; end
function methods:contains(item) return self._items[item]; end
function methods:items() return next, self._items; end
function methods:empty() return next(self._items) == nil; end

function methods:add_list(list)
	if list then
		for _, item in ipairs(list) do self._items[item] = true; end
	end
end

function methods:include(other)
	for item in pairs(other._items) do self._items[item] = true; end
end

function methods:exclude(other)
	for item in pairs(other._items) do self._items[item] = nil; end
end

function methods:contains_set(other)
	for item in pairs(other._items) do
		if not self._items[item] then return false; end
	end
	return true;
end

local function union(a, b)
	local made = new();
	made:include(a);
	made:include(b);
	return made;
end

local function difference(a, b)
	local made = new();
	for item in pairs(a._items) do
		made._items[item] = not b._items[item] and true or nil;
	end
	return made;
end

local function intersection(a, b)
	local made = new();
	for item in pairs(a._items) do
		made._items[item] = b._items[item] and true or nil;
	end
	return made;
end

local function xor(a, b)
	return union(difference(a, b), difference(b, a));
end

set_mt.__add = union;
set_mt.__sub = difference;
set_mt.__mul = intersection;

function set_mt.__div(a, f)
	local made = new();
	for item in pairs(a._items) do
		local mapped = f(item);
		if mapped ~= nil then made._items[mapped] = true; end
	end
	return made;
end

function set_mt.__eq(a, b)
	if is_set(a) and is_set(b) then
		return a:contains_set(b) and b:contains_set(a);
	end
	return false;
end

function set_mt.__tostring(s)
	local texts = {};
	for item in pairs(s._items) do texts[#texts + 1] = tostring(item); end
	return table.concat(texts, ", ");
end

-- `for item in a_set do` walks over it.
function set_mt.__call(s, _, last)
	return (next(s._items, last));
end

function set_mt.__freeze(s)
	local list = {};
	for item in pairs(s._items) do list[#list + 1] = item; end
	return list;
end

set.new = new;
set.is_set = is_set;
set.union = union;
set.difference = difference;
set.intersection = intersection;
set.xor = xor;
return set;
