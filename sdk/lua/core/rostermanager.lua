---@meta
-- SPDX-License-Identifier: Apache-2.0

---A roster: contacts by their bare JIDs; the key false has the rest.
---@alias tercet.Roster table<string|false, {subscription: "none"|"to"|"from"|"both", name?: string, ask?: "subscribe", groups: table<string, boolean>}>

local rostermanager = {}

---@param user string
---@param host string
---@return tercet.Roster
function rostermanager.load_roster(user, host) end

---@param user string
---@param host string
---@param roster tercet.Roster
---@param jid? string
---@return boolean?
function rostermanager.save_roster(user, host, roster, jid) end

---@param user string
---@param host string
---@param jid string
function rostermanager.roster_push(user, host, jid) end

---Whether the contact gets the user's presence.
---@param user string
---@param host string
---@param jid string
---@return boolean?
function rostermanager.is_contact_subscribed(user, host, jid) end

---Whether the user gets the contact's presence.
---@param user string
---@param host string
---@param jid string
---@return boolean?
function rostermanager.is_user_subscribed(user, host, jid) end

return rostermanager
