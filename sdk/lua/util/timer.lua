---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Timers; module:add_timer is better, since it ends with the module.
local timer = {}

---Calls a function after so many seconds, and again if it returns a number.
---@param delay number
---@param callback fun(now: number, id: any, param: any): number?
---@param param? any
---@return any id
function timer.add_task(delay, callback, param) end

---@param id any
function timer.stop(id) end

---@param id any
---@param delay number
function timer.reschedule(id, delay) end

return timer
