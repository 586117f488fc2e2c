---@meta
-- SPDX-License-Identifier: Apache-2.0

---A set: `for item in set do` goes through it; `+`, `-`, `/` are union,
---difference and intersection.
---@class tercet.Set
---@operator call: any
---@operator add(tercet.Set): tercet.Set
---@operator sub(tercet.Set): tercet.Set
---@operator div(tercet.Set): tercet.Set
local object = {}

---@param item any
---@return boolean
function object:contains(item) end

---@param item any
function object:add(item) end

---@param item any
function object:remove(item) end

---@param list? any[]
function object:add_list(list) end

---@param other tercet.Set
function object:include(other) end

---@param other tercet.Set
function object:exclude(other) end

---@return boolean
function object:empty() end

---@return fun(): any
function object:items() end

local set = {}

---@param list? any[]
---@return tercet.Set
function set.new(list) end

---@param value any
---@return boolean
function set.is_set(value) end

---@param a tercet.Set
---@param b tercet.Set
---@return tercet.Set
function set.union(a, b) end

---@param a tercet.Set
---@param b tercet.Set
---@return tercet.Set
function set.difference(a, b) end

---@param a tercet.Set
---@param b tercet.Set
---@return tercet.Set
function set.intersection(a, b) end

---@param a tercet.Set
---@param b tercet.Set
---@return tercet.Set
function set.xor(a, b) end

return set
