-- SPDX-License-Identifier: Apache-2.0

-- Queues, bounded if a size is given.

local queue_methods = {};
local queue_mt = { __name = "queue", __index = queue_methods };

function queue_methods:count() return self._count; end

local function advance(self, at)
	if at == self.size then return 1; end
	return at + 1;
end

-- push appends an item. A full queue refuses it, unless it was made to drop
-- the oldest.
function queue_methods:push(item)
	if self._count >= self.size then
		if not self._wrap then return nil, "queue full"; end
		self:pop();
	end
	self._items[self._head] = item;
	self._head = advance(self, self._head);
	self._count = self._count + 1;
	return true;
end

function queue_methods:pop()
	if self._count == 0 then return nil; end
	local item = self._items[self._tail];
	self._items[self._tail] = nil;
	self._tail = advance(self, self._tail);
	self._count = self._count - 1;
	return item;
end

function queue_methods:peek()
	if self._count == 0 then return nil; end
	return self._items[self._tail];
end

-- replace puts an item in the place of the oldest.
function queue_methods:replace(item)
	if self._count == 0 then return self:push(item); end
	self._items[self._tail] = item;
	return true;
end

function queue_methods:items()
	local at, done = self._tail, 0;
	return function ()
		if done >= self._count then return nil; end
		local item = self._items[at];
		at = advance(self, at);
		done = done + 1;
		return done, item;
	end;
end

-- consume takes items out one by one.
function queue_methods:consume() return function () return self:pop(); end; end

local function new(size, wrap)
	size = size or math.huge;
	return setmetatable({ size = size, _wrap = wrap, _items = {}, _head = 1, _tail = 1, _count = 0 }, queue_mt);
end

return { new = new };
