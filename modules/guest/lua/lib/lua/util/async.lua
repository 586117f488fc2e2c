-- SPDX-License-Identifier: Apache-2.0

-- Waiting: util.async of Prosody 0.12. There are two ways to wait. What a
-- runner runs has a coroutine, which leaves its turn to who ran it, and goes on
-- within done(). A task of the server that has a goroutine to itself (a stanza
-- of one session, an HTTP request) parks that, and goes on when it has the
-- universe again.

local task = require "tercet.task";
local new_id = require "util.id".short;
local new_logger = require "util.logger".init;
local timer = require "util.timer";

local create, resume, running, status, yield =
	coroutine.create, coroutine.resume, coroutine.running, coroutine.status, coroutine.yield;
local traceback = debug.traceback;
local remove = table.remove;

local not_async = "Not running in an async context, see https://prosody.im/doc/developers/util/async";

local function next_tick(f) timer.add_task(0, f); end
local schedule = timer.add_task;

-- The runners at work, by the coroutine of the item that they work on.
local at_work = {};

-- place returns a function that waits here, and one that ends the wait.
local go_on;
local function place(level)
	local co = running();
	local self = co and at_work[co];
	if self then
		return function ()
			if running() ~= co then error("wait in another coroutine than the one it was made for", 3); end
			yield();
		end, function ()
			go_on(self, co);
		end;
	end
	local parking = task.parking();
	if not parking then error(not_async, level + 1); end
	return function () parking:wait(); end, function () parking:wake(); end;
end

local function ready()
	local co = running();
	return co and at_work[co] ~= nil or task.waits();
end

-- waiter returns wait, which waits until done was called n times, and done.
local function waiter(n, allow_many)
	local wait, go = place(2);
	local waiting = false;
	n = n or 1;
	return function ()
		if n > 0 then
			waiting = true;
			wait();
		end
	end, function ()
		n = n - 1;
		if n == 0 then
			if waiting then go(); end
		elseif n < 0 and not allow_many then
			error("done() called too many times", 2);
		end
	end;
end

-- guarder returns a function that lets one in at a time, by an id.
local function guarder()
	local queues, nobody = {}, {};
	local function leave(id)
		local queue = queues[id];
		local go = remove(queue, 1);
		if go then
			go();
		else
			queues[id] = nil;
		end
	end
	return function (id, func)
		if id == nil then id = nobody; end
		local wait, go = place(2);
		local queue = queues[id];
		if queue then
			queue[#queue + 1] = go;
			wait();
		else
			queues[id] = {};
		end
		if not func then
			return function () leave(id); end
		end
		func();
		leave(id);
	end
end

local function sleep(seconds)
	local wait, done = waiter();
	schedule(seconds, function () done(); end);
	wait();
end

-- wait_for returns what a promise is resolved with, or nil and why not.
local function wait_for(promise)
	local wait, done = waiter();
	local value, reason;
	promise:next(function (v) value = v; end, function (e) reason = e; end):finally(done);
	wait();
	if value then return value; end
	return nil, reason;
end

local runner_methods = {};
local runner_mt = { __index = runner_methods };

local function raise(self, err)
	self:log("error", "Encountered error: %s", err);
	error(err, 0);
end

local function call(f) f(); end

-- runner makes a queue of items, which func works on one after the other.
local function runner(func, watchers, data)
	return setmetatable({
		func = func or call, watchers = watchers or { error = raise }, data = data, queue = {},
		state = "ready", notified_state = "ready", thread = false, id = new_id();
	}, runner_mt);
end

-- notify tells the watchers of a change of state.
local function notify(self)
	local state = self.state;
	if state == self.notified_state then return; end
	self.notified_state = state;
	local watcher = self.watchers[state];
	if watcher then watcher(self); end
end

-- step lets a coroutine go on with its item, until it waits or ends; it returns
-- whether it has ended, and the error if it failed.
local function step(self, co, item)
	at_work[co] = self;
	local ok, err = resume(co, item);
	if status(co) ~= "dead" then return false; end
	at_work[co] = nil;
	self.thread = false;
	if not ok then return true, traceback(co, err); end
	return true;
end

local function report(self, err)
	self:log("debug", "failed: %s", err);
	local watcher = self.watchers.error;
	if watcher then watcher(self, err); end
end

-- run works on an item, or puts it off while there is another.
function runner_methods:run(item)
	local queue = self.queue;
	if item ~= nil then queue[#queue + 1] = item; end
	if self.state ~= "ready" then
		return true, self.state, #queue;
	end
	local result = "ready";
	while queue[1] ~= nil do
		self.state = "running";
		local co = create(self.func);
		self.thread = co;
		local ended, err = step(self, co, remove(queue, 1));
		if not ended then
			self.state = "waiting";
			notify(self);
			return true, self.state, #queue;
		end
		self.state, result = "ready", err and "error" or "ready";
		if err then report(self, err); end
		if self.state ~= "ready" then -- the watcher has run it
			return true, self.state, #queue;
		end
	end
	notify(self);
	return true, result, #queue;
end

-- go_on is called when what an item waits for has come.
function go_on(self, co)
	if status(co) ~= "suspended" then
		self:log("error", "unexpected async state: thread not suspended");
		return false;
	end
	local ended, err = step(self, co);
	if not ended then return true; end
	if err then
		local ok, bad = xpcall(report, traceback, self, err);
		if not ok then self:log("error", "Error in 'error' watcher: %s", bad); end
		self.state = "ready";
		return self:run();
	end
	next_tick(function ()
		self.state = "ready";
		self:run();
	end);
	return true;
end

function runner_methods:enqueue(item)
	local queue = self.queue;
	queue[#queue + 1] = item;
	return self;
end

-- log makes the logger when it is first needed; most runners never say a word.
function runner_methods:log(level, message, ...)
	local log = self._log;
	if not log then
		log = new_logger("runner" .. self.id);
		self._log = log;
	end
	return log(level, message, ...);
end

function runner_methods:onready(f) self.watchers.ready = f; return self; end
function runner_methods:onwaiting(f) self.watchers.waiting = f; return self; end
function runner_methods:onerror(f) self.watchers.error = f; return self; end

return {
	ready = ready;
	waiter = waiter;
	guarder = guarder;
	runner = runner;
	wait = wait_for;
	wait_for = wait_for;
	sleep = sleep;
	set_nexttick = function (f) next_tick = f; end;
	set_schedule_function = function (f) schedule = f; end;
};
