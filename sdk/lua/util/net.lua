---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Addresses of IP.
local net = {}

---@param text string
---@return string?
function net.pton(text) end

---@param bytes string
---@return string?
function net.ntop(bytes) end

---@param kind? string
---@return string[]
function net.local_addresses(kind) end

return net
