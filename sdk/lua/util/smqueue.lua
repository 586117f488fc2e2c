---@meta
-- SPDX-License-Identifier: Apache-2.0

---@class tercet.SMQueue
local object = {}

---@param item any
function object:push(item) end

---@param h integer
---@return any[]?
---@return string?
function object:ack(h) end

---@return integer
function object:count_unacked() end

---@return integer
function object:count_acked() end

---@return boolean
function object:resumable() end

---@return function
function object:resume() end

---@return function
function object:consume() end

---@return table
function object:table() end

-- What was sent and is not acknowledged.
local smqueue = {}

---@param size integer
---@return tercet.SMQueue
function smqueue.new(size) end

return smqueue
