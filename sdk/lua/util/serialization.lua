---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Values as texts of Lua.
local serialization = {}

---Options are a preset ("default", "pretty", "debug", "compact", "oneline") or a table.
---@param value any
---@param options? string|table
---@return string
function serialization.serialize(value, options) end

---@param text string
---@return any
---@return string?
function serialization.deserialize(text) end

---@param options? string|table
---@return fun(value: any): string
function serialization.new(options) end

return serialization
