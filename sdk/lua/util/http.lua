---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Texts of HTTP.
local http = {}

---@param text string
---@return string
function http.urlencode(text) end

---@param text string
---@return string
function http.urldecode(text) end

---@param form table
---@return string
function http.formencode(form) end

---@param text string
---@return table
function http.formdecode(text) end

---Whether a list with commas has the token.
---@param field string
---@param token string
---@return boolean?
function http.contains_token(field, token) end

---@param path string
---@param is_dir? boolean
---@return string
function http.normalize_path(path, is_dir) end

---@param header string
---@return table[]?
function http.parse_forwarded(header) end

return http
