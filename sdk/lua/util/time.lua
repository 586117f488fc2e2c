---@meta
-- SPDX-License-Identifier: Apache-2.0

-- The time.
local time = {}

---Seconds since 1970.
---@return number
function time.now() end

---Seconds of a clock that nobody sets.
---@return number
function time.monotonic() end

return time
