---@meta
-- SPDX-License-Identifier: Apache-2.0

local uuid = {}

---A random UUID.
---@return string
function uuid.generate() end

return uuid
