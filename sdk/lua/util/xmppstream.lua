---@meta
-- SPDX-License-Identifier: Apache-2.0

---@class tercet.XMPPStream
local object = {}

---@param data string
---@return boolean?
---@return string?
function object:feed(data) end

function object:reset() end

---@param session table
function object:set_session(session) end

-- Reading a stream of XML.
local xmppstream = {}

---@param session table
---@param callbacks table
---@param size_limit? integer
---@return tercet.XMPPStream
function xmppstream.new(session, callbacks, size_limit) end

---@param session table
---@param callbacks table
---@param progress? function
---@return table
---@return table
function xmppstream.new_sax_handlers(session, callbacks, progress) end

---@type string
xmppstream.ns_separator = nil

---@type string
xmppstream.ns_pattern = nil

return xmppstream
