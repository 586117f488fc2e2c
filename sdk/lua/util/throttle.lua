---@meta
-- SPDX-License-Identifier: Apache-2.0

---@class tercet.Throttle
---@field balance number
local object = {}

---@param cost? number
---@return boolean
function object:peek(cost) end

---Takes the cost, if there is as much.
---@param cost? number
---@param split? boolean
---@return boolean
---@return number?
---@return number?
function object:poll(cost, split) end

---@return number
function object:update() end

-- A limit: so much in so many seconds.
local throttle = {}

---@param max number
---@param seconds number
---@return tercet.Throttle
function throttle.create(max, seconds) end

return throttle
