---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Functions about tables.
local table = {}

---@param list? integer
---@param keys? integer
---@return table
function table.create(list, keys) end

---@param ... any
---@return table
function table.pack(...) end

---@param from table
---@param first integer
---@param last integer
---@param at integer
---@param to? table
---@return table
function table.move(from, first, last, at, to) end

return table
