---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Names of files.
local paths = {}

---@param parent string
---@param path string
---@return string
function paths.resolve_relative_path(parent, path) end

---@param glob string
---@return string
function paths.glob_to_pattern(glob) end

---@param first string
---@param ... string
---@return string
function paths.join(first, ...) end

---@param folder string
function paths.complement_lua_path(folder) end

return paths
