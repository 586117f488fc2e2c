---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Texts of which no value makes an error.
local format = {}

---@param pattern string
---@param ... any
---@return string
function format.format(pattern, ...) end

return format
