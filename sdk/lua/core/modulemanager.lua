---@meta
-- SPDX-License-Identifier: Apache-2.0

-- The modules of hosts.
local modulemanager = {}

---@param host string
---@param name string
---@return any
---@return string?
function modulemanager.load(host, name) end

---@param host string
---@param name string
---@return boolean?
---@return string?
function modulemanager.unload(host, name) end

---@param host string
---@param name string
---@return boolean?
---@return string?
function modulemanager.reload(host, name) end

---@param host string
---@param name string
---@return boolean
function modulemanager.is_loaded(host, name) end

---@param host string
---@param name string
---@return table?
function modulemanager.get_module(host, name) end

---@param host string
---@return table<string, table>
function modulemanager.get_modules(host) end

---@param kind string
---@param host string
---@return any[]
function modulemanager.get_items(kind, host) end

---@param host string
---@return tercet.Set
function modulemanager.get_modules_for_host(host) end

---@param module table
---@param method string
---@return boolean
function modulemanager.module_has_method(module, method) end

---@param module table
---@param method string
---@param ... any
---@return any
function modulemanager.call_module_method(module, method, ...) end

return modulemanager
