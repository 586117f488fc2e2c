---@meta
-- SPDX-License-Identifier: Apache-2.0

-- The config.
local configmanager = {}

---@param host string
---@param key string
---@return any
function configmanager.get(host, key) end

---@param host string
---@param key string
---@return any
function configmanager.rawget(host, key) end

---@return table<string, table<string, any>>
function configmanager.getconfig() end

---@return string[]
function configmanager.files() end

---@param parent string
---@param path string
---@return string
function configmanager.resolve_relative_path(parent, path) end

---@deprecated the server does this by itself
---@param host string
---@param key string
---@param value any
---@return boolean
function configmanager.set(host, key, value) end

---@deprecated the server does this by itself
---@param path string
---@return nil
---@return string
---@return string
function configmanager.load(path) end

return configmanager
