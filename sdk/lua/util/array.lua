---@meta
-- SPDX-License-Identifier: Apache-2.0

---A list with methods.
---@class tercet.Array
---@field [integer] any
local object = {}

---@param fn fun(item: any, index: integer): any
---@return tercet.Array
function object:map(fn) end

---@param fn fun(item: any): boolean?
---@return tercet.Array
function object:filter(fn) end

---@param key string
---@return tercet.Array
function object:pluck(key) end

---@param less? fun(a: any, b: any): boolean
---@return tercet.Array
function object:sort(less) end

---@param item any
---@return tercet.Array
function object:push(item) end

---@param other any[]
---@return tercet.Array
function object:append(other) end

---@param separator? string
---@return string
function object:concat(separator) end

---@overload fun(list?: any[]): tercet.Array
local array = {}

---What an iterator yields.
---@param iterator fun(): any
---@return tercet.Array
function array.collect(iterator) end

---These make another list; the methods of their names change theirs.
---@param list any[]
---@param f fun(item: any
---@return any): tercet.Array
function array.map(list, f) end

---@param list any[]
---@param f fun(item: any
---@return boolean): tercet.Array
function array.filter(list, f) end

---@param list any[]
---@param before? fun(a: any
---@param b any
---@return boolean): tercet.Array
function array.sort(list, before, b) end

---@param list any[]
---@return tercet.Array
function array.unique(list) end

---@param list any[]
---@param key any
---@param default? any
---@return tercet.Array
function array.pluck(list, key, default) end

---@param list any[]
---@return tercet.Array
function array.reverse(list) end

---@param list any[]
---@param first integer
---@param last? integer
---@return tercet.Array
function array.slice(list, first, last) end

return array
