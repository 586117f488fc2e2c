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

---@param text string
---@param hex? boolean
---@return string
function hashes.sha224(text, hex) end

---@param text string
---@param hex? boolean
---@return string
function hashes.sha384(text, hex) end

---@param key string
---@param text string
---@param hex? boolean
---@return string
function hashes.hmac_sha1(key, text, hex) end

---@param key string
---@param text string
---@param hex? boolean
---@return string
function hashes.hmac_sha224(key, text, hex) end

---@param key string
---@param text string
---@param hex? boolean
---@return string
function hashes.hmac_sha384(key, text, hex) end

---@param key string
---@param text string
---@param hex? boolean
---@return string
function hashes.hmac_sha512(key, text, hex) end

---@param key string
---@param text string
---@param hex? boolean
---@return string
function hashes.hmac_md5(key, text, hex) end

---@param password string
---@param salt string
---@param iterations integer
---@return string
function hashes.scram_Hi_sha1(password, salt, iterations) end

---@param password string
---@param salt string
---@param iterations integer
---@return string
function hashes.pbkdf2_hmac_sha1(password, salt, iterations) end

---@param password string
---@param salt string
---@param iterations integer
---@return string
function hashes.pbkdf2_hmac_sha256(password, salt, iterations) end

return hashes
