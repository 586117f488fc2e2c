---@meta
-- SPDX-License-Identifier: Apache-2.0

local json = {}

json.null = {} ---@type any

---@param value any
---@return string
function json.encode(value) end

---@param text string
---@return any value
---@return string? error
function json.decode(text) end

return json
