---@meta
-- SPDX-License-Identifier: Apache-2.0

local json = {}

json.null = {} ---@type any

---@param value any
---@return string
function json.encode(value) end

---@param text string
---@return any value
---@return string? error
function json.decode(text) end

---With the keys of objects in order.
---@param value any
---@return string
function json.encode_ordered(value) end

---@param value any[]
---@return string
function json.encode_array(value) end

---Whether it is the same when it has been encoded and decoded.
---@param value any
---@return boolean
function json.test(value) end

return json
