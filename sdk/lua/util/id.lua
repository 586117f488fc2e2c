---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Random names, safe in URLs: of 3, 9, 18 and 27 random bytes.
local id = {}

---@return string
function id.tiny() end

---@return string
function id.short() end

---@return string
function id.medium() end

---@return string
function id.long() end

---A maker of ids with so many random bytes.
---@param bytes integer
---@return fun(): string
function id.custom(bytes) end

return id
