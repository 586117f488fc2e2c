-- SPDX-License-Identifier: Apache-2.0

-- Allowances that refill with time.

local gettime = require "util.time".now;
local throttle = {};
local throttle_mt = { __index = throttle };

function throttle:update()
	local now = gettime();
	local since = now - self.t;
	self.t = now;
	local balance = self.balance + self.rate * since;
	if balance > self.max then balance = self.max; end
	self.balance = balance;
	return balance;
end

function throttle:peek(cost)
	cost = cost or 1;
	return self.balance >= cost or self:update() >= cost;
end

-- poll takes the cost out of the allowance; with split it takes what is there.
function throttle:poll(cost, split)
	if self:peek(cost) then
		self.balance = self.balance - (cost or 1);
		return true;
	end
	local balance = self.balance;
	if split then self.balance = 0; end
	return false, balance, (cost or 1) - balance;
end

local function create(max, period)
	return setmetatable({ rate = max / period, max = max, t = gettime(), balance = max }, throttle_mt);
end

return { create = create };
