---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Hashes of bytes; in hexadecimal digits if the last argument is true.
local hashes = {}

---@param data string
---@param hex? boolean
---@return string
function hashes.sha1(data, hex) end

---@param data string
---@param hex? boolean
---@return string
function hashes.sha256(data, hex) end

---@param data string
---@param hex? boolean
---@return string
function hashes.sha512(data, hex) end

---@param data string
---@param hex? boolean
---@return string
function hashes.md5(data, hex) end

---@param key string
---@param data string
---@param hex? boolean
---@return string
function hashes.hmac_sha256(key, data, hex) end

---Compares in constant time.
---@param a string
---@param b string
---@return boolean
function hashes.equals(a, b) end

return hashes
