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

---@param session tercet.Session
---@param jid string
---@param item table
---@return boolean?
---@return string?
function rostermanager.add_to_roster(session, jid, item) end

---@param session tercet.Session
---@param jid string
---@return boolean?
---@return string?
function rostermanager.remove_from_roster(session, jid) end

---@param user string
---@param host string
---@param jid string
---@return any
function rostermanager.is_contact_pending_in(user, host, jid) end

---@param user string
---@param host string
---@param jid string
---@return any
function rostermanager.is_contact_pending_out(user, host, jid) end

---@param user string
---@param host string
---@param jid string
---@return any
function rostermanager.is_contact_preapproved(user, host, jid) end

---@param user string
---@param host string
---@param jid string
---@param stanza? tercet.Stanza
---@return boolean?
function rostermanager.set_contact_pending_in(user, host, jid, stanza) end

---@param user string
---@param host string
---@param jid string
---@return boolean?
function rostermanager.set_contact_pending_out(user, host, jid) end

---@param user string
---@param host string
---@param jid string
---@return boolean?
function rostermanager.subscribed(user, host, jid) end

---@param user string
---@param host string
---@param jid string
---@return boolean?
function rostermanager.unsubscribe(user, host, jid) end

---@param user string
---@param host string
---@param jid string
---@return boolean?
function rostermanager.unsubscribed(user, host, jid) end

---@param user string
---@param host string
---@param jid string
---@return boolean?
function rostermanager.process_inbound_subscription_approval(user, host, jid) end

---@param user string
---@param host string
---@param jid string
---@return boolean?
function rostermanager.process_inbound_subscription_cancellation(user, host, jid) end

---@param user string
---@param host string
---@param jid string
---@return boolean?
function rostermanager.process_inbound_unsubscribe(user, host, jid) end

---@param user string
---@param host string
---@param jid string
---@return boolean?
function rostermanager.process_outbound_subscription_request(user, host, jid) end

return rostermanager
