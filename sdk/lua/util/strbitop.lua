---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Bits of texts.
local strbitop = {}

---@param a string
---@param b string
---@return string
function strbitop.sand(a, b) end

---@param a string
---@param b string
---@return string
function strbitop.sor(a, b) end

---@param a string
---@param b string
---@return string
function strbitop.sxor(a, b) end

return strbitop
