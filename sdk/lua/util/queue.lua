---@meta
-- SPDX-License-Identifier: Apache-2.0

---@class tercet.Queue
---@field size number
local object = {}

---@return integer
function object:count() end

---@param item any
---@return boolean?
---@return string?
function object:push(item) end

---@return any
function object:pop() end

---@return any
function object:peek() end

---@param item any
---@return any
function object:replace(item) end

---@return function
function object:items() end

---An iterator that takes them out.
---@return function
function object:consume() end

-- What comes first goes first.
local queue = {}

---With wrap the oldest gives way.
---@param size? integer
---@param wrap? boolean
---@return tercet.Queue
function queue.new(size, wrap) end

return queue
