---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Times as XEP-0082 has them; without an argument: now.
local datetime = {}

---@param time? number seconds since 1970
---@return string
function datetime.datetime(time) end

---@param time? number
---@return string
function datetime.date(time) end

---@param time? number
---@return string
function datetime.time(time) end

---@param text string
---@return number?
function datetime.parse(text) end

---As XEP-0091 has it.
---@param time? number
---@return string
function datetime.legacy(time) end

return datetime
