---@meta
-- SPDX-License-Identifier: Apache-2.0

---@class tercet.RingBuffer
local object = {}

---@param bytes string
---@return integer?
function object:write(bytes) end

---@param count integer
---@param peek? boolean
---@return string?
function object:read(count, peek) end

---@param text string
---@return string?
function object:readuntil(text) end

---@param text string
---@return integer?
function object:find(text) end

---@param count integer
---@return boolean
function object:discard(count) end

---@param first integer
---@param last? integer
---@return string
function object:sub(first, last) end

---@param first? integer
---@param last? integer
---@return integer
function object:byte(first, last) end

---@return integer
function object:length() end

---@return integer
function object:size() end

---@return integer
function object:free() end

-- Bytes that wait.
local ringbuffer = {}

---@param size integer
---@return tercet.RingBuffer
function ringbuffer.new(size) end

return ringbuffer
