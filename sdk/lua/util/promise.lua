---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Promises, as in Promises/A+.
local promise = {}

---@param start fun(resolve: fun(value: any), reject: fun(err: any))
---@return tercet.Promise
function promise.new(start) end

---@param value any
---@return tercet.Promise
function promise.resolve(value) end

---@param err any
---@return tercet.Promise
function promise.reject(err) end

---Has the list of their values, or the first error.
---@param promises tercet.Promise[]
---@return tercet.Promise
function promise.all(promises) end

---Has a list of {status, value, reason}.
---@param promises tercet.Promise[]
---@return tercet.Promise
function promise.all_settled(promises) end

---@param promises tercet.Promise[]
---@return tercet.Promise
function promise.race(promises) end

---Has what the handler makes of their values.
---@param handler function
---@param ... tercet.Promise
---@return tercet.Promise
function promise.join(handler, ...) end

---@param start fun(): any
---@return tercet.Promise
function promise.try(start) end

---@param value any
---@return boolean
function promise.is_promise(value) end

---@param schedule fun(callback: function)
function promise.set_nexttick(schedule) end

return promise
