---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Signals of the system.
local signal = {}

---@param name string|integer
---@param handler function
---@return boolean?
---@return string?
function signal.signal(name, handler) end

---@param pid integer
---@param name string|integer
---@return boolean?
---@return string?
function signal.kill(pid, name) end

---@param name string|integer
---@return boolean?
---@return string?
function signal.raise(name) end

return signal
