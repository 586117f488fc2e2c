---@meta
-- SPDX-License-Identifier: Apache-2.0

-- The server of HTTP; module:provides("http") is how a module is served by it.
local server = {}

---@param event string
---@param handler function
---@param priority? number
function server.add_handler(event, handler, priority) end

---@param event string
---@param handler function
function server.remove_handler(event, handler) end

---@param event string
---@param data table
---@return any
function server.fire_event(event, data) end

---@param response table
---@param body? string
function server.send_response(response, body) end

---@param response table
---@param file any
function server.send_file(response, file) end

---@param response table
function server.send_head_response(response) end

---@param response table
function server.write_headers(response) end

---@param response table
function server.finish_response(response) end

---@param conn any
---@return table?
function server.get_request_from_conn(conn) end

---@deprecated the server does this by itself
---@param host string
function server.add_host(host) end

---@deprecated the server does this by itself
---@param host string
function server.remove_host(host) end

---@deprecated the server does this by itself
---@param host string
function server.set_default_host(host) end

---@deprecated the server does this by itself
---@param name string
---@param value any
function server.set_option(name, value) end

---@deprecated the server does this by itself
---@param response table
---@param listener any
function server.hijack_response(response, listener) end

---@deprecated the server does this by itself
---@param port integer
function server.listen_on(port) end

return server
