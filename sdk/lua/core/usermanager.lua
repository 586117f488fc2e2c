---@meta
-- SPDX-License-Identifier: Apache-2.0

-- The accounts of hosts.
local usermanager = {}

---@param user string
---@param host string
---@return boolean
function usermanager.user_exists(user, host) end

---@param user string
---@param password string
---@param host string
---@return boolean? ok
---@return string? error
function usermanager.create_user(user, password, host) end

---@param user string
---@param host string
---@return boolean? ok
---@return string? error
function usermanager.delete_user(user, host) end

---@param user string
---@param password string
---@param host string
---@param resource? string
---@return boolean? ok
---@return string? error
function usermanager.set_password(user, password, host, resource) end

---@param user string
---@param host string
---@param password string
---@return boolean?
function usermanager.test_password(user, host, password) end

---@param host string
---@return fun(): string?
function usermanager.users(host) end

---@param jid string
---@param host? string nil: of the server
---@return boolean
function usermanager.is_admin(jid, host) end

---@param user string
---@param host string
---@return boolean
function usermanager.user_is_enabled(user, host) end

---@param user string
---@param host string
---@return table?
function usermanager.get_account_info(user, host) end

---@param user string
---@param host? string
---@return table<string, boolean>?
function usermanager.get_roles(user, host) end

---@deprecated the server does this by itself
---@param user string
---@param host string
---@param roles table
---@return nil
---@return string
function usermanager.set_roles(user, host, roles) end

---@param user string
---@param host string
---@return {name: string}
function usermanager.get_user_role(user, host) end

---@param jid string
---@param host? string
---@return {name: string}?
function usermanager.get_jid_role(jid, host) end

---@param role string
---@param host string
---@return string[]
function usermanager.get_jids_with_role(role, host) end

---@param role string
---@param host string
---@return string[]
function usermanager.get_users_with_role(role, host) end

---The accounts of a host, as an object.
---@param host string
---@return table
function usermanager.get_provider(host) end

---@deprecated the server does this by itself
---@param host string
---@return nil
---@return string
function usermanager.get_sasl_handler(host) end

---@deprecated the server does this by itself
---@param user string
---@param host string
---@return nil
---@return string
function usermanager.get_password(user, host) end

---@deprecated the server does this by itself
---@return table
function usermanager.new_null_provider() end

---@param host string
function usermanager.initialize_host(host) end

return usermanager
