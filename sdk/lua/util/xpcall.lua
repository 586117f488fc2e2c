---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Calls whose errors are caught.
local xpcall = {}

---@param f function
---@param handler function
---@param ... any
---@return boolean
---@return any
function xpcall.xpcall(f, handler, ...) end

return xpcall
