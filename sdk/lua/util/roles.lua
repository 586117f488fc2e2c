---@meta
-- SPDX-License-Identifier: Apache-2.0

---@class tercet.Role
---@field id string
---@field name string
---@field priority number
local role = {}

---@param action string
---@param context? any
---@return boolean?
function role:may(action, context) end

---@param name string
---@param value boolean
---@param overwrite? boolean
---@return boolean?
---@return string?
function role:set_permission(name, value, overwrite) end

---@return function
function role:policies() end

---@param overrides table
---@return tercet.Role
function role:clone(overrides) end

-- What who may do.
local roles = {}

---@param base table
---@param overrides? table
---@return tercet.Role
function roles.new(base, overrides) end

---@param value any
---@return boolean
function roles.is_role(value) end

return roles
