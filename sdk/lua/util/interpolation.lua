---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Texts with places for values.
local interpolation = {}

---@param pattern string
---@param escape? fun(text: string): string
---@param filters? table<string, function>
---@return fun(template: string, values: table): string
function interpolation.new(pattern, escape, filters) end

return interpolation
