---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Requests over HTTP.
local http = {}

---@class tercet.Response
---@field code integer 0: there was none
---@field body string
---@field headers table<string, string>

---With a callback it returns the request, without one a promise of the response.
---@param url string
---@param options? {method?: string, body?: string, headers?: table<string, string>, insecure?: boolean}
---@param callback? fun(body: string, code: integer, response: tercet.Response)
---@return tercet.Promise|table
function http.request(url, options, callback) end

---@param text string
---@return string
function http.urlencode(text) end

---@param text string
---@return string
function http.urldecode(text) end

---@param fields table<string, string>
---@return string
function http.formencode(fields) end

---@param text string
---@return table<string, string>
function http.formdecode(text) end

---A client with options of its own.
---@param options? table
---@return table
function http.new(options) end

---@param request table
function http.destroy_request(request) end

return http
