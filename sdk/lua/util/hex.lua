---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Bytes in hexadecimal digits.
local hex = {}

---@param bytes string
---@return string
function hex.encode(bytes) end

---@param text string
---@return string
function hex.decode(text) end

---@param bytes string
---@return string
function hex.to(bytes) end

---@param text string
---@return string
function hex.from(text) end

return hex
