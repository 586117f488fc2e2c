---@meta
-- SPDX-License-Identifier: Apache-2.0

local uuid = {}

---A random UUID.
---@return string
function uuid.generate() end

---@param count integer
---@return string
function uuid.get_nibbles(count) end

---@param text string
function uuid.seed(text) end

return uuid
