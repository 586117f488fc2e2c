---@meta
-- SPDX-License-Identifier: Apache-2.0

---@class tercet.IP
---@field addr string
---@field proto "IPv4"|"IPv6"
---@field packed string
---@field bits string
---@field scope integer
---@field private boolean

-- Addresses.
local ip = {}

---@param text string
---@param proto? "IPv4"|"IPv6"
---@return tercet.IP?
---@return string?
function ip.new_ip(text, proto) end

---@param text string
---@return tercet.IP?
---@return integer?
function ip.parse_cidr(text) end

---@param a tercet.IP
---@param b tercet.IP
---@param bits? integer
---@return boolean
function ip.match(a, b, bits) end

---@param a tercet.IP
---@param bits integer
---@return tercet.IP
function ip.truncate(a, bits) end

---@param value any
---@return boolean
function ip.is_ip(value) end

---@param a tercet.IP
---@param b tercet.IP
---@return integer
function ip.commonPrefixLength(a, b) end

return ip
