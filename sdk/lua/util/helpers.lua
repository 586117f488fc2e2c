---@meta
-- SPDX-License-Identifier: Apache-2.0

-- What happens, for who looks for an error.
local helpers = {}

---@param events tercet.Events
---@param name? string
---@param logger? function
function helpers.log_events(events, name, logger) end

---@param events tercet.Events
function helpers.revert_log_events(events) end

---@param host string
function helpers.log_host_events(host) end

---@param host string
function helpers.revert_log_host_events(host) end

---@param events tercet.Events
---@param event? string
---@return string
function helpers.show_events(events, event) end

---@param f function
---@param name string
---@return any
function helpers.get_upvalue(f, name) end

return helpers
