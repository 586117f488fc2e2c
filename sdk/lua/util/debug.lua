---@meta
-- SPDX-License-Identifier: Apache-2.0

-- The stack and what is on it.
local debug = {}

---@param thread? thread|string
---@param message? string
---@param level? integer
---@return string
function debug.traceback(thread, message, level) end

function debug.use() end

---@param thread thread?
---@param level integer
---@return table
function debug.get_locals_table(thread, level) end

---@param f function
---@return table
function debug.get_upvalues_table(f) end

---@param thread thread?
---@param level? integer
---@return table
function debug.get_traceback_table(thread, level) end

---@param vars table
---@param width? integer
---@param indent? string
---@return string
function debug.string_from_var_table(vars, width, indent) end

return debug
