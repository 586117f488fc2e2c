---@meta
-- SPDX-License-Identifier: Apache-2.0

---@class tercet.Multitable
---@field data table
local object = {}

---@param ... any
---@return any
function object:get(...) end

---The last is the value, which becomes a key.
---@param ... any
function object:add(...) end

---The last is the value.
---@param ... any
function object:set(...) end

---@param ... any
function object:remove(...) end

---nil stands for any key.
---@param ... any
---@return any[]?
function object:search(...) end

---@param list any[]?
---@param ... any
---@return any[]?
function object:search_add(list, ...) end

---@param ... any
---@return function
function object:iter(...) end

-- Tables with several keys.
local multitable = {}

---@return tercet.Multitable
function multitable.new() end

---@param self tercet.Multitable
---@param ... any
---@return function
function multitable.iter(self, ...) end

return multitable
