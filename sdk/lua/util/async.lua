---@meta
-- SPDX-License-Identifier: Apache-2.0

---@class tercet.Runner
---@field state "ready"|"running"|"waiting"|"error"
---@field queue any[]
---@field data any
local runner = {}

---Has the item handled, and reports whether, the state, and how many wait.
---@param item any
---@return boolean
---@return string
---@return integer
function runner:run(item) end

---@param item any
---@return tercet.Runner
function runner:enqueue(item) end

---@param level tercet.Level
---@param text string
---@param ... any
function runner:log(level, text, ...) end

---@param callback fun(runner: tercet.Runner)
---@return tercet.Runner
function runner:onready(callback) end

---@param callback fun(runner: tercet.Runner)
---@return tercet.Runner
function runner:onwaiting(callback) end

---@param callback fun(runner: tercet.Runner, err: any)
---@return tercet.Runner
function runner:onerror(callback) end

-- Waiting: a handler of HTTP, a task of cron and a runner may do so, without holding others up.
local async = {}

---Whether one may wait here.
---@return boolean
function async.ready() end

---Two functions: the first waits until the second has been called so often.
---@param count? integer
---@param allow_many? boolean
---@return fun()
---@return fun()
function async.waiter(count, allow_many) end

---A function that waits until nobody else is in; what it returns leaves.
---@return fun(id: any): fun()
function async.guarder() end

---@param handle fun(item: any)
---@param watchers? table
---@param data? any
---@return tercet.Runner
function async.runner(handle, watchers, data) end

---The value of a promise; or nil and the error.
---@param promise tercet.Promise
---@return any
---@return any
function async.wait(promise) end

---@param promise tercet.Promise
---@return any
---@return any
function async.wait_for(promise) end

---@param seconds number
function async.sleep(seconds) end

---@param schedule fun(callback: function)
function async.set_nexttick(schedule) end

---@param schedule fun(seconds: number, callback: function)
function async.set_schedule_function(schedule) end

return async
