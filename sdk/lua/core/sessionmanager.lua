---@meta
-- SPDX-License-Identifier: Apache-2.0

-- The sessions of clients.
local sessionmanager = {}

---@param session tercet.Session
---@param reason? any
function sessionmanager.destroy_session(session, reason) end

---@param user string
---@param host string
---@param stanza tercet.Stanza
---@return integer
function sessionmanager.send_to_available_resources(user, host, stanza) end

---@param user string
---@param host string
---@param stanza tercet.Stanza
---@return integer
function sessionmanager.send_to_interested_resources(user, host, stanza) end

---@deprecated the server does this by itself
---@param conn any
---@return any
---@return any
function sessionmanager.new_session(conn) end

---@deprecated the server does this by itself
---@param session tercet.Session
---@return any
---@return any
function sessionmanager.retire_session(session) end

---@deprecated the server does this by itself
---@param session tercet.Session
---@param user string
---@return any
---@return any
function sessionmanager.make_authenticated(session, user) end

---@deprecated the server does this by itself
---@param session tercet.Session
---@param resource? string
---@return any
---@return any
function sessionmanager.bind_resource(session, resource) end

return sessionmanager
