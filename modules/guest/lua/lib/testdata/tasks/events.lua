-- SPDX-License-Identifier: Apache-2.0

-- What util.events does; see async.lua.
local events = ...
local say = print
local e = events.new()
local function handler(name, result) return function(data) say(name, data and data.n) return result end end
local low, high, middle = handler("low"), handler("high"), handler("middle")
e.add_handler("ev", low, -1)
e.add_handler("ev", high, 1000)
e.add_handler("ev", middle)
say(e.fire_event("ev", { n = 1 }))
e.add_handler("ev", low, 2000) -- moves
e.fire_event("ev", { n = 2 })
e.remove_handler("ev", high)
e.remove_handler("ev", high)
e.remove_handler("nothing", high)
say(#e.get_handlers("ev"), e.get_handlers("ev")[1] == low, e.get_handlers("none"), #e._handlers.ev, e._event_map.ev[middle])

for _, v in ipairs { 0, false, "s" } do
	local stop = handler("stops", v)
	e.add_handler("ev", stop, 3000)
	say(e.fire_event("ev"))
	e.remove_handler("ev", stop)
end
say(e.fire_event("none", {}))

-- Changes while it fires count from the next time on.
local added = handler("added")
local function changes() say("changes") e.remove_handler("ev", middle) e.add_handler("ev", added, -5) end
e.add_handler("ev", changes, 5000)
e.fire_event("ev")
say("again")
e.fire_event("ev")
e.remove_handler("ev", changes)

-- Nested, and with the same data.
local f = events.new()
f.add_handler("outer", function(d) d.n = d.n + 1 say("outer", d.n) return f.fire_event("inner", d) end)
f.add_handler("inner", function(d) d.n = d.n * 10 return d.n end)
say(f.fire_event("outer", { n = 1 }))

-- Wrappers.
local function wrapper(name, change)
	return function(next_handler, event, data)
		say(name, "in", event, data)
		local r = next_handler(event, change or data)
		say(name, "out", r)
		return r
	end
end
local w = events.new()
w.add_handler("x", function(d) say("handler", d) return "r" .. d end)
local a, b, g = wrapper("a"), wrapper("b", "changed"), wrapper("global")
w.add_wrapper("x", a)
w.wrappers.add_handler("x", b)
w.add_wrapper(false, g)
say(w.fire_event("x", "d"))
say(w.fire_event("y", "d"))
w.remove_wrapper("x", b)
say(w.fire_event("x", "d"))
w.wrappers.remove_handler("x", a)
w.remove_wrapper(false, g)
say(w.fire_event("x", "d"))

-- All at once, and the hook.
local m = { one = handler("one", 1), two = handler("two", 2) }
w.add_handlers(m)
say(w.fire_event("one"), w.fire_event("two"))
w.remove_handlers(m)
say(w.fire_event("one"), w.fire_event("two"))
say(w.set_debug_hook(function(h, event, data) say("hook", event, data) return h(data) end))
say(w.fire_event("x", "d"))
say(type(w.set_debug_hook(nil)))
say(pcall(e.fire_event, "raises"))
e.add_handler("raises", function() error("from a handler", 0) end)
say(pcall(e.fire_event, "raises"))
