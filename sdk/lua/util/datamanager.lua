---@meta
-- SPDX-License-Identifier: Apache-2.0

-- What accounts and hosts have stored, by their names. module:open_store is better.
local datamanager = {}

---@param user string?
---@param host string
---@param store string
---@return table?
---@return string?
function datamanager.load(user, host, store) end

---@param user string?
---@param host string
---@param store string
---@param data? table
---@return boolean?
---@return string?
function datamanager.store(user, host, store, data) end

---@param host string
---@param store string
---@return function
function datamanager.users(host, store) end

---@param user string?
---@param host string
---@return function
function datamanager.stores(user, host) end

---@param user string
---@param host string
---@return boolean?
---@return string?
function datamanager.purge(user, host) end

---@param user string?
---@param host string
---@param store string
---@param item any
---@return boolean?
---@return string?
function datamanager.list_append(user, host, store, item) end

---@param user string?
---@param host string
---@param store string
---@return any[]?
---@return string?
function datamanager.list_load(user, host, store) end

---@param user string?
---@param host string
---@param store string
---@param items any[]
---@return boolean?
---@return string?
function datamanager.list_store(user, host, store, items) end

---Called before each write; it may change what is written, or refuse it by false.
---@param callback fun(user: string, host: string, store: string, data: table): any
---@param any
---@param any
---@param any
function datamanager.add_callback(callback, any, any, any) end

---@param callback function
---@return boolean?
function datamanager.remove_callback(callback) end

---@param user string?
---@param host string
---@param store string
---@param extension? string
---@param create? boolean
---@return string
function datamanager.getpath(user, host, store, extension, create) end

---@param text string
---@return string
function datamanager.path_encode(text) end

---@param text string
---@return string
function datamanager.path_decode(text) end

---@param user string?
---@param host string
---@param store string
---@param extension string
---@param data string
---@return boolean?
---@return string?
function datamanager.append_raw(user, host, store, extension, data) end

---@param path string
---@param data string
---@return boolean?
---@return string?
function datamanager.store_raw(path, data) end

---@deprecated the server does this by itself
---@param path string
function datamanager.set_data_path(path) end

return datamanager
