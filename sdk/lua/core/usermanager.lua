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

return usermanager
