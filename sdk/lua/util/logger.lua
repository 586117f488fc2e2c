---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Loggers.
local logger = {}

---@param name string
---@return fun(level: tercet.Level, format: string, ...: any)
function logger.init(name) end

---@param name string
---@return fun(level: tercet.Level, format: string, ...: any)
function logger.new(name) end

---@param source string
---@param level tercet.Level
---@return fun(format: string, ...: any)
function logger.make_logger(source, level) end

---@param level tercet.Level
---@param sink function
function logger.add_level_sink(level, sink) end

---@param sink function
---@param levels? tercet.Level[]
function logger.add_simple_sink(sink, levels) end

function logger.reset() end

return logger
