-- SPDX-License-Identifier: Apache-2.0

-- Caches with a bound: what was set longest ago goes first.

local cache_methods = {};
local cache_mt = { __name = "cache", __index = cache_methods };

-- The entries are a ring of tables {key, value, prev, next}; the newest follows
-- the head.
local function unlink(entry)
	entry.prev.next, entry.next.prev = entry.next, entry.prev;
end

local function link(head, entry)
	entry.prev, entry.next = head, head.next;
	head.next.prev = entry;
	head.next = entry;
end

-- evict asks the callback about the oldest entry; it may refuse.
local function evict(self)
	local oldest = self._head.prev;
	local on_evict = self._on_evict;
	if on_evict ~= nil and (on_evict == false or on_evict(oldest.key, oldest.value, self) == false) then
		return false;
	end
	if self._data[oldest.key] == oldest then
		unlink(oldest);
		self._data[oldest.key] = nil;
		self._count = self._count - 1;
	end
	return true;
end

function cache_methods:set(key, value)
	local entry = self._data[key];
	if value == nil then
		if entry then
			unlink(entry);
			self._data[key] = nil;
			self._count = self._count - 1;
		end
		return true;
	end
	if entry then
		unlink(entry);
		link(self._head, entry);
		entry.value = value;
		return true;
	end
	if self._count == self.size and not evict(self) then return false; end
	entry = { key = key, value = value };
	link(self._head, entry);
	self._data[key] = entry;
	self._count = self._count + 1;
	return true;
end

function cache_methods:get(key)
	local entry = self._data[key];
	return entry and entry.value;
end

-- items walks over keys and values, the newest first.
function cache_methods:items()
	local entry = self._head;
	return function ()
		entry = entry.next;
		if entry ~= self._head then return entry.key, entry.value; end
		entry = entry.prev;
	end;
end

function cache_methods:values()
	local entry = self._head;
	return function ()
		entry = entry.next;
		if entry ~= self._head then return entry.value; end
		entry = entry.prev;
	end;
end

function cache_methods:count() return self._count; end

-- head is the newest entry, tail the oldest.
function cache_methods:head()
	local entry = self._head.next;
	return entry.key, entry.value;
end

function cache_methods:tail()
	local entry = self._head.prev;
	return entry.key, entry.value;
end

function cache_methods:resize(size)
	size = math.floor(size);
	assert(size > 0, "cache size must be greater than zero");
	while self._count > size do
		if not evict(self) then return false; end
	end
	self.size = size;
	return true;
end

-- table is a view of the cache that is written and read like a table.
function cache_methods:table()
	if not self.proxy_table then
		self.proxy_table = setmetatable({}, {
			__index = function (_, key) return self:get(key); end;
			__newindex = function (_, key, value)
				if not self:set(key, value) then error("failed to insert key into cache - full"); end
			end;
			__pairs = function () return self:items(); end;
			__len = function () return self._count; end;
		});
	end
	return self.proxy_table;
end

function cache_methods:clear()
	local head = { };
	head.prev, head.next = head, head;
	self._data, self._head, self._count = {}, head, 0;
end

local function new(size, on_evict)
	size = assert(tonumber(size), "cache size must be a number");
	size = math.floor(size);
	assert(size > 0, "cache size must be greater than zero");
	local made = setmetatable({ size = size, _on_evict = on_evict }, cache_mt);
	made:clear();
	return made;
end

return { new = new };
