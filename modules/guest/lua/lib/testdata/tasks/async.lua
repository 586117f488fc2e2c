-- SPDX-License-Identifier: Apache-2.0

-- What util.async does, one line for each step. It runs with our library and
-- with Prosody's, both without a next tick; the output must be the same.
local async = ...
local say = print
async.set_nexttick(function(f) f() end)

local function watched(name, func)
	local function tell(what) return function(r, err) say(name, what, r.state, err and tostring(err):match("^[^\n]*")) end end
	return async.runner(func, { ready = tell("ready"), waiting = tell("waiting"), error = tell("error") }, name .. "'s data")
end

say("ready outside", async.ready() and true or false)
say("waiter outside", (select(2, pcall(async.waiter)):match("Not running in an async context.*")))

local r = watched("plain", function(item) say("plain runs", item, async.ready() and true or false) end)
say(r:run("a"))
say(r:run("b"))
say(r.data, r.state, #r.queue)

-- Waiting, done later; items meanwhile are put off.
local dones = {}
r = watched("waits", function(item)
	say("before", item)
	local wait, done = async.waiter()
	dones[#dones + 1] = done
	wait()
	say("after", item)
end)
say(r:run(1))
say(r:run(2))
say(r:run(3))
say("queue", #r.queue, r.state)
dones[1]()
say("then", #r.queue, r.state)
dones[2]()
dones[3]()
say("then", #r.queue, r.state)
say("too many", (select(2, pcall(dones[3])):match("done%(%) called too many times")))

-- Done before the wait, several, and more than asked for.
r = watched("counts", function()
	local wait, done = async.waiter()
	done()
	wait()
	say("done before")
	wait, done = async.waiter(2)
	dones[4] = done
	wait()
	say("both done")
	wait, done = async.waiter(1, true)
	dones[5] = done
	wait()
	say("done at least once")
end)
r:run(true)
dones[4]()
say("one of two", r.state)
dones[4]()
dones[5]()
dones[5]()
say(r.state)

-- Errors: in an item, after a wait, with items behind them.
r = watched("fails", function(item)
	if item == "wait" then
		local wait, done = async.waiter()
		dones[6] = done
		wait()
	end
	if item ~= "fine" then error("no " .. item, 0) end
	say("fine")
end)
say(r:run("good"))
say(r:run("fine"))
r:run("wait")
r:run("bad")
r:run("fine")
dones[6]()
say(r.state, #r.queue)

-- Runs from within, and enqueue.
local outer
outer = watched("outer", function(item)
	say("outer", item)
	if item == 1 then say((select(2, outer:run(2)))) end
end)
outer:enqueue(0)
say(#outer.queue)
say(outer:run(1))

-- A runner in a runner waits alone.
r = watched("parent", function()
	local child = watched("child", function()
		local wait, done = async.waiter()
		dones[7] = done
		wait()
		say("child goes on")
	end)
	say("child", child:run(true))
	say("parent goes on")
end)
r:run(true)
dones[7]()

-- The default function and the default watchers.
async.runner():run(function() say("called") end)
say("default error", (select(2, pcall(function() async.runner(function() error("oops", 0) end):run(1) end)):match("oops")))

-- Guards.
local guard = async.guarder()
local function guarded(name, id)
	return watched(name, function()
		local leave = guard(id)
		say(name, "is in")
		local wait, done = async.waiter()
		dones[name] = done
		wait()
		leave()
		say(name, "has left")
	end)
end
guarded("g1", "x"):run(1)
guarded("g2", "x"):run(1)
guarded("g3", "y"):run(1)
dones.g1()
dones.g3()
dones.g2()
watched("g4", function() guard("x", function() say("with a function") end) end):run(1)

-- Promises.
local promise = require "util.promise"
promise.set_nexttick(function(f) f() end)
local resolve
r = watched("promised", function()
	say(async.wait_for(promise.resolve("at once")))
	say(async.wait_for(promise.reject("not")))
	say(async.wait_for(promise.new(function(yes) resolve = yes end)))
end)
r:run(1)
resolve("later")

-- Sleep.
local slept = {}
async.set_schedule_function(function(seconds, f) slept[#slept + 1] = f say("sleeps", seconds) end)
watched("sleepy", function() async.sleep(5) say("awake") end):run(1)
slept[1]()
