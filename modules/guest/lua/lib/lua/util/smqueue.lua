-- SPDX-License-Identifier: Apache-2.0

-- Queues of what was sent and not acknowledged (XEP-0198).

local queue = require "util.queue";

local methods = {};
local smqueue_mt = { __index = methods, __name = "smqueue" };

function methods:push(item)
	self._head = self._head + 1;
	self._queue:push(item);
end

-- ack forgets what came before a count, and returns it.
function methods:ack(h)
	if h < self._tail then return nil, "tail"; end
	if h > self._head then return nil, "head"; end
	self._tail = h;
	local acked = {};
	while self._queue:count() > self._head - self._tail do
		acked[#acked + 1] = self._queue:pop();
	end
	return acked;
end

function methods:count_unacked() return self._head - self._tail; end
function methods:count_acked() return self._tail; end
function methods:resumable() return self._queue:count() >= self._head - self._tail; end

-- resume walks over what must be sent again.
function methods:resume() return self._queue:items(); end
function methods:consume() return self._queue:consume(); end

function methods:table()
	local list = {};
	for i, item in self:resume() do list[i] = item; end
	return list;
end

local function new(size)
	assert(size > 0);
	return setmetatable({ _head = 0, _tail = 0, _queue = queue.new(size, true) }, smqueue_mt);
end

return { new = new, smqueue = methods };
