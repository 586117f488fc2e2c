---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Numbers and texts as bytes.
local struct = {}

---@param format string
---@param ... any
---@return string
function struct.pack(format, ...) end

---@param format string
---@param bytes string
---@param at? integer
---@return any
function struct.unpack(format, bytes, at) end

---@param format string
---@return integer
function struct.size(format) end

return struct
