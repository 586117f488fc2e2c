-- SPDX-License-Identifier: Apache-2.0

-- Timers that run off unless they are reset in time.

local timer = require "util.timer";

local watchdog_methods = {};
local watchdog_mt = { __index = watchdog_methods };

local function new(timeout, callback)
	local watchdog = setmetatable({ timeout = timeout, callback = callback, timer_id = nil }, watchdog_mt);
	watchdog:reset();
	return watchdog;
end

function watchdog_methods:reset(new_timeout)
	if new_timeout then self.timeout = new_timeout; end
	self:cancel();
	self.timer_id = timer.add_task(self.timeout, function ()
		self.timer_id = nil;
		return self:callback();
	end);
end

function watchdog_methods:cancel()
	if self.timer_id then
		timer.stop(self.timer_id);
		self.timer_id = nil;
	end
end

return { new = new };
