---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Functions about iterators, as "for" takes them.
local iterators = {}

---@param iterate function
---@param state? any
---@param last? any
---@return function
function iterators.reverse(iterate, state, last) end

---@param t table
---@return function
function iterators.keys(t) end

---@param t table
---@return function
function iterators.values(t) end

---@param t table
---@param before? fun(a: any, b: any): boolean
---@return function
function iterators.sorted_pairs(t, before) end

---@param iterate function
---@param state? any
---@param last? any
---@return integer
function iterators.count(iterate, state, last) end

---@param count integer
---@param iterate function
---@param state? any
---@param last? any
---@return function
function iterators.head(count, iterate, state, last) end

---@param count integer
---@param iterate function
---@param state? any
---@param last? any
---@return function
function iterators.skip(count, iterate, state, last) end

---@param count integer
---@param iterate function
---@param state? any
---@param last? any
---@return function
function iterators.tail(count, iterate, state, last) end

---@param accept fun(...: any): boolean
---@param iterate function
---@param state? any
---@param last? any
---@return function
function iterators.filter(accept, iterate, state, last) end

---@param t table
---@return function
function iterators.ripairs(t) end

---@param first integer
---@param last? integer
---@return function
function iterators.range(first, last) end

---@param iterate function
---@param state? any
---@param last? any
---@return function
function iterators.unique(iterate, state, last) end

---@param iterate function
---@param state? any
---@param last? any
---@return any[]
function iterators.to_array(iterate, state, last) end

---@param iterate function
---@param state? any
---@param last? any
---@return table
function iterators.to_table(iterate, state, last) end

---@param n integer
---@param iterate function
---@param state? any
---@param last? any
---@return function
function iterators.select(n, iterate, state, last) end

---One that goes on with another: join(...):append(...), called as a function.
---@param iterate function
---@param state? any
---@param last? any
---@return table
function iterators.join(iterate, state, last) end

return iterators
