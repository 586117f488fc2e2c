-- SPDX-License-Identifier: Apache-2.0

-- What util.promise does; see async.lua.
local promise = ...
local say = print
local ticks = {}
promise.set_nexttick(function(f) ticks[#ticks + 1] = f end)
local function run() while ticks[1] do table.remove(ticks, 1)() end end
local function first(v) return type(v) == "string" and v:match("^[^\n]*") or v end
local function log(name, p) p:next(function(v) say(name, "resolved", v) end, function(e) say(name, "rejected", first(e)) end) return p end

local p = log("plain", promise.new(function(yes) say("executed") yes(1) yes(2) end))
say("not yet")
run()
say(tostring(p), promise.is_promise(p), promise.is_promise({}))
log("again", p)
log("rejected", promise.new(function(_, no) no("why") no("again") end))
log("thrown", promise.new(function() error("thrown", 0) end))
log("thrown late", promise.new(function(yes) yes("first") error("late") end))
log("table", promise.new(function() error({ "t" }) end):catch(function(e) return type(e) end))
run()

log("chain", promise.resolve(1):next(function(v) return v + 1 end):next(function(v) return promise.resolve(v * 10) end))
log("falls through", promise.reject("r"):next(function() say("never") end))
log("caught", promise.reject("r"):catch(function(e) return "was " .. e end))
log("handler throws", promise.resolve(1):next(function() error("h", 0) end))
log("finally", promise.resolve("v"):finally(function() say("cleans up") return "ignored" end))
log("finally rejected", promise.reject("v"):finally(function() say("cleans up") end))
log("nested", promise.new(function(yes) yes(promise.new(function(_, no) no("inner") end)) end))
log("try", promise.try(function() return "tried" end))
log("try fails", promise.try(function() error("failed", 0) end))
run()

local later
log("all", promise.all({ promise.resolve("a"), "b", x = promise.new(function(yes) later = yes end) }):next(function(r) return table.concat({ r[1], r[2], r.x }, " ") end))
log("all empty", promise.all({}):next(function(r) return next(r) == nil end))
log("all rejected", promise.all({ promise.resolve(1), promise.reject("one of them") }))
log("race", promise.race({ promise.new(function() end), promise.resolve("wins"), promise.resolve("loses") }))
log("join", promise.join(function(...) return select("#", ...) .. table.concat({ ... }) end, promise.resolve("j"), promise.resolve("k")))
run()
later("c")
run()
log("settled", promise.all_settled({ promise.resolve("s"), promise.reject("t"), "u" }):next(function(r)
	return r[1].status .. r[1].value .. r[2].status .. r[2].reason .. r[3]
end))
run()
local _, err = xpcall(function() return promise.new():nothing() end, function(e) return "no such method" end)
say(err)
