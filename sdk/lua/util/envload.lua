---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Code with globals of its own.
local envload = {}

---@param code string
---@param source string
---@param env table
---@return function?
---@return string?
function envload.envload(code, source, env) end

---@param file string
---@param env table
---@return function?
---@return string?
function envload.envloadfile(file, env) end

return envload
