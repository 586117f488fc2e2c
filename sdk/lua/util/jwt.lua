---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Signed tokens (RFC 7519).
local jwt = {}

---By HS256.
---@param key string
---@param payload table
---@return string
function jwt.sign(key, payload) end

---@param key string
---@param token string
---@return boolean?
---@return table|string
function jwt.verify(key, token) end

---@param algorithm string
---@param key string
---@param verify_key? string
---@param options? table
---@return function
---@return function
function jwt.init(algorithm, key, verify_key, options) end

---@param algorithm string
---@param key string
---@param options? table
---@return fun(payload: table): string
function jwt.new_signer(algorithm, key, options) end

---@param algorithm string
---@param key string
---@param options? table
---@return fun(token: string): boolean?, table|string
function jwt.new_verifier(algorithm, key, options) end

return jwt
