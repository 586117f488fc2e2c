---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Libraries that may not be there.
local dependencies = {}

---@param ... string
---@return any
function dependencies.softreq(...) end

---@param name string
---@param sources table
---@param message? string
function dependencies.missingdep(name, sources, message) end

---@return boolean
function dependencies.check_dependencies() end

function dependencies.log_warnings() end

return dependencies
