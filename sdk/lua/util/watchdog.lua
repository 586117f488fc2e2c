---@meta
-- SPDX-License-Identifier: Apache-2.0

---@class tercet.Watchdog
---@field timeout number
local object = {}

---@param timeout? number
function object:reset(timeout) end

function object:cancel() end

-- A function that is called unless it is put off.
local watchdog = {}

---@param seconds number
---@param callback fun(watchdog: tercet.Watchdog)
---@return tercet.Watchdog
function watchdog.new(seconds, callback) end

return watchdog
