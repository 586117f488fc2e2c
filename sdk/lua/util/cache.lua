---@meta
-- SPDX-License-Identifier: Apache-2.0

---What was used least goes first.
---@class tercet.Cache
local object = {}

---@param key any
---@return any
function object:get(key) end

---@param key any
---@param value any nil removes
---@return boolean?
function object:set(key, value) end

---@return fun(): any, any
function object:items() end

---@return integer
function object:count() end

function object:clear() end

local cache = {}

---@param size integer
---@param on_evict? fun(key: any, value: any): boolean?
---@return tercet.Cache
function cache.new(size, on_evict) end

return cache
