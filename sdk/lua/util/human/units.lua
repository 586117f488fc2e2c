---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Numbers for people.
local units = {}

---@param number number
---@param unit string
---@param base? "b"|"k"
---@return string
function units.format(number, unit, base) end

---@param number number
---@param base? string
---@return number
---@return string
function units.adjust(number, base) end

return units
