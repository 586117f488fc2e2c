-- SPDX-License-Identifier: Apache-2.0

-- Functions that make and take iterators.

local it = {};
local select, next, unpack = select, next, table.unpack or unpack;
local function pack(...) return { n = select("#", ...), ... }; end

-- reverse walks over all of an iterator's results, the last first.
function it.reverse(iterate, state, last)
	local results, n = {}, 0;
	while true do
		local result = pack(iterate(state, last));
		last = result[1];
		if last == nil then break; end
		n = n + 1;
		results[n] = result;
	end
	return function ()
		if n == 0 then return nil; end
		local result = results[n];
		n = n - 1;
		return unpack(result, 1, result.n);
	end;
end

-- keys is an iterator over the keys of a table.
function it.keys(t) return function (state, last) return (next(state, last)); end, t; end

-- values is an iterator over its values.
function it.values(t)
	local key, value;
	return function (state)
		key, value = next(state, key);
		return value;
	end, t;
end

-- sorted_pairs is pairs in the order of the keys.
function it.sorted_pairs(t, before)
	local keys = {};
	for key in pairs(t) do keys[#keys + 1] = key; end
	table.sort(keys, before);
	local i = 0;
	return function ()
		i = i + 1;
		local key = keys[i];
		if key ~= nil then return key, t[key]; end
	end;
end

-- count runs an iterator to its end and tells how many results it had.
function it.count(iterate, state, last)
	local n = 0;
	while true do
		last = iterate(state, last);
		if last == nil then return n; end
		n = n + 1;
	end
end

-- head is the first n results.
function it.head(n, iterate, state, last)
	local done = 0;
	return function (s, l)
		if done >= n then return nil; end
		done = done + 1;
		return iterate(s, l);
	end, state, last;
end

-- skip is all but the first n.
function it.skip(n, iterate, state, last)
	for _ = 1, n do
		last = iterate(state, last);
		if last == nil then break; end
	end
	return iterate, state, last;
end

-- tail is the last n.
function it.tail(n, iterate, state, last)
	local results, count = {}, 0;
	while true do
		local result = pack(iterate(state, last));
		last = result[1];
		if last == nil then break; end
		results[count % n + 1] = result;
		count = count + 1;
	end
	local from = count > n and count - n or 0;
	return function ()
		if from >= count then return nil; end
		local result = results[from % n + 1];
		from = from + 1;
		return unpack(result, 1, result.n);
	end;
end

-- filter leaves out what a function refuses, or what equals a value.
function it.filter(accept, iterate, state, last)
	if type(accept) ~= "function" then
		local unwanted = accept;
		accept = function (value) return value ~= unwanted; end;
	end
	return function (s, l)
		local result;
		repeat
			result = pack(iterate(s, l));
			l = result[1];
		until l == nil or accept(unpack(result, 1, result.n));
		return unpack(result, 1, result.n);
	end, state, last;
end

local function ripairs_iterate(t, key)
	if key > 1 then return key - 1, t[key - 1]; end
end

-- ripairs is ipairs from the end.
function it.ripairs(t) return ripairs_iterate, t, #t + 1; end

function it.range(first, last)
	if not last then first, last = 1, first; end
	local at = first - 1;
	return function ()
		if at < last then
			at = at + 1;
			return at;
		end
	end;
end

-- unique leaves out results that came before.
function it.unique(iterate, state, last)
	local seen = {};
	return it.filter(function (value)
		if seen[value] then return false; end
		seen[value] = true;
		return true;
	end, iterate, state, last);
end

-- to_array is a list of the first result of each step.
function it.to_array(iterate, state, last)
	local list = {};
	while true do
		last = iterate(state, last);
		if last == nil then return list; end
		list[#list + 1] = last;
	end
end

-- to_table takes the first result of each step as key, the second as value.
function it.to_table(iterate, state, last)
	local t = {};
	while true do
		local value;
		last, value = iterate(state, last);
		if last == nil then return t; end
		t[last] = value;
	end
end

-- select is the n-th result of each step.
function it.select(n, iterate, state, last)
	return function (s)
		local result = pack(iterate(s, last));
		last = result[1];
		return result[n];
	end, state, last;
end

-- join puts iterators behind each other.
local join_mt = { __index = {} };
function join_mt.__index:append(iterate, state, last)
	self[#self + 1] = { iterate, state, last };
	return self;
end
function join_mt.__index:prepend(iterate, state, last)
	table.insert(self, 1, { iterate, state, last });
	return self;
end
function join_mt:__call()
	while self[1] do
		local source = self[1];
		local result = pack(source[1](source[2], source[3]));
		source[3] = result[1];
		if result[1] ~= nil then return unpack(result, 1, result.n); end
		table.remove(self, 1);
	end
end
function it.join(iterate, state, last)
	return setmetatable({ { iterate, state, last } }, join_mt);
end

return it;
