---@meta
-- SPDX-License-Identifier: Apache-2.0

-- A value in a value (RFC 6901).
local jsonpointer = {}

---@param value table
---@param path string
---@return any
function jsonpointer.resolve(value, path) end

return jsonpointer
