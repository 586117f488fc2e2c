-- SPDX-License-Identifier: Apache-2.0

-- Lists with methods.

local table_concat, table_insert, table_remove, table_sort = table.concat, table.insert, table.remove, table.sort;
local floor = math.floor;

local array = {};
local methods = {};
local array_mt = { __index = methods, __name = "array" };

-- new_array makes a list of a table, of what an iterator gives, or of nothing.
local function new_array(_, source, state, last)
	if type(source) == "function" then
		return array.collect(source, state, last);
	end
	return setmetatable(source or {}, array_mt);
end

function array.collect(iterate, state, last)
	local made, n = {}, 0;
	while true do
		last = iterate(state, last);
		if last == nil then break; end
		n = n + 1;
		made[n] = last;
	end
	return setmetatable(made, array_mt);
end

function array_mt.__add(a, b)
	local made = new_array();
	return made:append(a):append(b);
end

function array_mt.__tostring(list)
	local texts = {};
	for i, item in ipairs(list) do texts[i] = tostring(item); end
	return "{" .. table_concat(texts, ", ") .. "}";
end

function array_mt.__freeze(list) return list; end

function array_mt.__eq(a, b)
	if #a ~= #b then return false; end
	for i = 1, #a do
		if a[i] ~= b[i] then return false; end
	end
	return true;
end

-- list / f is a new list of what f makes of each item; nil is left out.
function array_mt.__div(list, f)
	local made = new_array();
	for _, item in ipairs(list) do
		local mapped = f(item);
		if mapped ~= nil then made:push(mapped); end
	end
	return made;
end

-- Each of these writes its result to `into`: the methods to the list itself,
-- the functions of the library to a new list.
local writers = {};

function writers.map(into, list, f)
	for i = 1, #list do into[i] = f(list[i]); end
	return into;
end

function writers.filter(into, list, f)
	local n, kept = #list, 0;
	for i = 1, n do
		local item = list[i];
		if f(item) then
			kept = kept + 1;
			into[kept] = item;
		end
	end
	if into == list then
		for i = kept + 1, n do into[i] = nil; end
	end
	return into;
end

function writers.slice(into, list, first, last)
	local n = #list;
	first, last = first or 1, last or -1;
	if last < 0 then last = n + last + 1; end
	if last > n then last = n; end
	if first < 0 then
		first = n + first + 1;
	end
	if first < 1 then first = 1; end
	local kept = 0;
	local copy = {};
	for i = first, last do
		kept = kept + 1;
		copy[kept] = list[i];
	end
	if into == list then
		for i = n, 1, -1 do into[i] = nil; end
	end
	for i = 1, kept do into[i] = copy[i]; end
	return into;
end

function writers.sort(into, list, ...)
	if into ~= list then
		for i = 1, #list do into[i] = list[i]; end
	end
	table_sort(into, ...);
	return into;
end

function writers.unique(into, list)
	local seen = {};
	return writers.filter(into, list, function (item)
		if seen[item] then return false; end
		seen[item] = true;
		return true;
	end);
end

function writers.pluck(into, list, key, default)
	for i = 1, #list do
		local value = list[i][key];
		if value == nil then value = default; end
		into[i] = value;
	end
	return into;
end

function writers.reverse(into, list)
	local n = #list;
	if into == list then
		for i = 1, floor(n / 2) do
			into[i], into[n + 1 - i] = into[n + 1 - i], into[i];
		end
		return into;
	end
	for i = 1, n do into[n + 1 - i] = list[i]; end
	return into;
end

for name, writer in pairs(writers) do
	array[name] = function (list, ...) return writer(new_array(), list, ...); end;
	methods[name] = function (list, ...) return writer(list, list, ...); end;
end

function methods:random()
	return self[math.random(1, #self)];
end

-- An item other than the one given, which must be in the list once.
function methods:random_other(item)
	local n, at = #self, nil;
	for i = 1, n do
		if self[i] == item then
			at = i;
			break;
		end
	end
	local pick = math.random(1, n - (at and 1 or 0));
	if at and pick >= at then pick = pick + 1; end
	return self[pick];
end

function methods:shuffle()
	for i = #self, 2, -1 do
		local other = math.random(1, i);
		self[i], self[other] = self[other], self[i];
	end
	return self;
end

function methods:append(other)
	local n = #self;
	for i = 1, #other do self[n + i] = other[i]; end
	return self;
end

function methods:push(item)
	table_insert(self, item);
	return self;
end

methods.pop = table_remove;
function methods:concat(separator) return table_concat(array.map(self, tostring), separator); end
function methods:length() return #self; end

setmetatable(array, { __call = new_array });
return array, array_mt;
