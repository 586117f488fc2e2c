---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Codes that prove who has written a text.
local hmac = {}

---@param key string
---@param text string
---@param hex? boolean
---@return string
function hmac.md5(key, text, hex) end

---@param key string
---@param text string
---@param hex? boolean
---@return string
function hmac.sha1(key, text, hex) end

---@param key string
---@param text string
---@param hex? boolean
---@return string
function hmac.sha256(key, text, hex) end

---@param key string
---@param text string
---@param hex? boolean
---@return string
function hmac.sha512(key, text, hex) end

return hmac
