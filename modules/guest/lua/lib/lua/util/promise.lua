-- SPDX-License-Identifier: Apache-2.0

-- Promises, much as in JavaScript: util.promise of Prosody 0.12. What a promise
-- does next it does on the next tick, after what runs now.

local timer = require "util.timer";

local traceback = debug.traceback;
local unpack = table.unpack or unpack;

local function next_tick(f) timer.add_task(0, f); end

local methods = {};
local promise_mt = { __index = methods, __name = "promise" };

function promise_mt:__tostring()
	return "promise (" .. (self._state or "invalid") .. ")";
end

local function is_promise(v)
	return getmetatable(v) == promise_mt;
end

-- settle gives a pending promise its state, and calls who waits for that.
local function settle(p, state, field, value)
	local waiting = p._waiting;
	p._state, p[field], p._waiting = state, value, nil;
	for i = 1, #waiting do
		waiting[i][state](value);
	end
end

-- resolvers returns the functions that settle p; the first call counts.
local function resolvers(p)
	local called = false;
	local function reject(reason)
		if called then return; end
		called = true;
		settle(p, "rejected", "reason", reason);
	end
	local function resolve(value)
		if called then return; end
		if is_promise(value) then
			called = true;
			return value:next(resolvers(p));
		end
		called = true;
		settle(p, "fulfilled", "value", value);
	end
	return resolve, reject;
end

-- new makes a promise; f(resolve, reject) is called on the next tick.
local function new(f)
	local p = setmetatable({ _state = "pending", _waiting = {} }, promise_mt);
	if f then
		local resolve, reject = resolvers(p);
		next_tick(function ()
			local ok, err = xpcall(f, traceback, resolve, reject);
			if not ok then reject(err); end
		end);
	end
	return p;
end

-- step returns what is done when a promise is settled: f, or else pass, decides
-- what becomes of the promise behind it.
local function step(f, pass, resolve, reject)
	if not f then return pass; end
	return function (value)
		local ok, result = xpcall(f, traceback, value);
		if ok then resolve(result); else reject(result); end
	end;
end

function methods:next(on_fulfilled, on_rejected)
	return new(function (resolve, reject)
		local steps = {
			fulfilled = step(on_fulfilled, resolve, resolve, reject);
			rejected = step(on_rejected, reject, resolve, reject);
		};
		if self._state == "pending" then
			self._waiting[#self._waiting + 1] = steps;
		elseif self._state == "fulfilled" then
			steps.fulfilled(self.value);
		else
			steps.rejected(self.reason);
		end
	end);
end

function methods:catch(on_rejected)
	return self:next(nil, on_rejected);
end

local function resolve(value)
	return new(function (yes) yes(value); end);
end

local function reject(reason)
	return new(function (_, no) no(reason); end);
end

function methods:finally(f)
	return self:next(function (value)
		f();
		return value;
	end, function (reason)
		f();
		return reject(reason);
	end);
end

-- gather calls each(key, value) with all that are no promises, and watch(key,
-- promise, done) with those that are; once all are done, finish.
local function gather(promises, each, watch, finish)
	local open = 1;
	local function done()
		open = open - 1;
		if open == 0 then finish(); end
	end
	for k, v in pairs(promises) do
		if is_promise(v) then
			open = open + 1;
			watch(k, v, done);
		else
			each(k, v);
		end
	end
	done();
end

-- all resolves to the results, by the keys; one that is rejected rejects it.
local function all(promises)
	return new(function (yes, no)
		local results = {};
		local function keep(k, v) results[k] = v; end
		gather(promises, keep, function (k, p, done)
			p:next(function (v) keep(k, v); done(); end, no);
		end, function () yes(results); end);
	end);
end

-- all_settled resolves to how each ended.
local function all_settled(promises)
	return new(function (yes)
		local results = {};
		gather(promises, function (k, v) results[k] = v; end, function (k, p, done)
			p:next(function (v)
				results[k] = { status = "fulfilled", value = v };
				done();
			end, function (e)
				results[k] = { status = "rejected", reason = e };
				done();
			end);
		end, function () yes(results); end);
	end);
end

-- race ends as the first of a list does.
local function race(promises)
	return new(function (yes, no)
		for i = 1, #promises do promises[i]:next(yes, no); end
	end);
end

-- join calls a function with the results of promises as its arguments.
local function join(handler, ...)
	local n = select("#", ...);
	return all({ ... }):next(function (results) return handler(unpack(results, 1, n)); end);
end

local function try(f)
	return resolve():next(function () return f(); end);
end

return {
	new = new;
	resolve = resolve;
	reject = reject;
	all = all;
	all_settled = all_settled;
	race = race;
	join = join;
	try = try;
	is_promise = is_promise;
	set_nexttick = function (f) next_tick = f; end;
};
