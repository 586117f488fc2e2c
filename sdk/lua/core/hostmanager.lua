---@meta
-- SPDX-License-Identifier: Apache-2.0

-- The hosts.
local hostmanager = {}

---@param host string
---@return table<string, tercet.Host>
function hostmanager.get_children(host) end

---@deprecated the server does this by itself
---@param host string
---@return nil
---@return string
function hostmanager.activate(host) end

---@deprecated the server does this by itself
---@param host string
---@return nil
---@return string
function hostmanager.deactivate(host) end

return hostmanager
