---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Colours in a terminal.
local termcolours = {}

---@param ... string
---@return string
function termcolours.getstyle(...) end

---@param style string
---@param text string
---@return string
function termcolours.getstring(style, text) end

---@param style string
function termcolours.setstyle(style) end

---@param text string
---@return string
function termcolours.tohtml(text) end

return termcolours
