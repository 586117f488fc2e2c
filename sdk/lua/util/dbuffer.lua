---@meta
-- SPDX-License-Identifier: Apache-2.0

---@class tercet.DBuffer
local object = {}

---@param bytes string
---@return boolean
function object:write(bytes) end

---@param count? integer
---@return string?
function object:read(count) end

---@return string?
function object:read_chunk() end

---@param pattern string
---@return string?
function object:read_until(pattern) end

---@param count integer
---@return boolean?
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

function object:collapse() end

-- Bytes that wait, in pieces.
local dbuffer = {}

---@param size? integer
---@return tercet.DBuffer
function dbuffer.new(size) end

return dbuffer
