---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Stores of hosts.
local storagemanager = {}

---@param host string
---@param store string
---@param kind? "keyval"|"map"|"archive"
---@return tercet.KeyValueStore|tercet.MapStore|tercet.ArchiveStore|nil
---@return string?
function storagemanager.open(host, store, kind) end

---@param user string
---@param host string
---@return boolean?
---@return string?
function storagemanager.purge(user, host) end

---@param host string
function storagemanager.initialize_host(host) end

---@param host string
---@param store string
---@return table?
function storagemanager.get_driver(host, store) end

---@param host string
---@param driver string
---@return table?
function storagemanager.load_driver(host, driver) end

return storagemanager
