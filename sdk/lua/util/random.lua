---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Random bytes.
local random = {}

---@param count integer
---@return string
function random.bytes(count) end

---@param text string
function random.seed(text) end

return random
