---@meta
-- SPDX-License-Identifier: Apache-2.0

-- URLs.
local url = {}

---@param url string
---@param default? table
---@return {scheme?: string, host?: string, port?: string, path?: string, query?: string, fragment?: string, user?: string, password?: string, authority?: string}?
function url.parse(url, default) end

---@param url table
---@return string
function url.build(url) end

---@param base string|table
---@param relative string
---@return string
function url.absolute(base, relative) end

---@param path string
---@return table
function url.parse_path(path) end

---@param path table
---@param unsafe? boolean
---@return string
function url.build_path(path, unsafe) end

---@param text string
---@return string
function url.escape(text) end

---@param text string
---@return string
function url.unescape(text) end

return url
