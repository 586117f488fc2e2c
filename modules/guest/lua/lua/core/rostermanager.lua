-- SPDX-License-Identifier: Apache-2.0

-- Rosters, over those of the server. load_roster gives a table that is changed
-- at will and stored by save_roster.

local server = require "tercet.server";
local jid, st = require "util.jid", require "util.stanza";
local hosts = server.hosts();

local M = {};

function M.load_roster(username, host)
	local roster, err = server.roster(username, host);
	if not roster then return {}, err; end
	return roster;
end

local function same(a, b)
	if (a == nil) ~= (b == nil) then return false; end
	if a == nil then return true; end
	for _, k in ipairs { "subscription", "ask", "name", "approved" } do
		if a[k] ~= b[k] then return false; end
	end
	for g in pairs(a.groups or {}) do if not (b.groups or {})[g] then return false; end end
	for g in pairs(b.groups or {}) do if not (a.groups or {})[g] then return false; end end
	return true;
end

local function waits(roster, address) return roster[false] and roster[false].pending and roster[false].pending[address] and true or false; end

-- save_roster stores a whole roster, or the one item that is named. Clients are
-- told by roster_push.
function M.save_roster(username, host, roster, contact)
	local had = M.load_roster(username, host);
	roster = roster or had;
	local function put(address)
		if type(address) ~= "string" or same(had[address], roster[address]) and waits(had, address) == waits(roster, address) then return true; end
		return server.roster_edit(username, host, address, roster[address], waits(roster, address));
	end
	if contact then return put(contact); end
	local done = {};
	for _, all in ipairs { roster, had, roster[false] and roster[false].pending or {}, had[false] and had[false].pending or {} } do
		for address in pairs(all) do
			if not done[address] then
				done[address] = true;
				local ok, err = put(address);
				if not ok then return nil, err; end
			end
		end
	end
	return true;
end

-- roster_push tells the account's clients of one item as it is.
function M.roster_push(username, host, address)
	if address then server.roster_push(username, host, address); end
end

function M.add_to_roster(session, address, item)
	if not session.username then return nil, "auth", "not-authorized", "Session's username is not set"; end
	local roster = M.load_roster(session.username, session.host);
	local old = roster[address];
	item.subscription, item.ask = old and old.subscription or "none", old and old.ask or nil;
	local ok = server.roster_edit(session.username, session.host, address, item);
	if ok then return true; end
	return nil, "wait", "internal-server-error", "Unable to save roster";
end

function M.remove_from_roster(session, address)
	local roster = M.load_roster(session.username, session.host);
	if not roster[address] then return nil, "cancel", "item-not-found", "Trying to remove an item which does not exist"; end
	local ok = server.roster_edit(session.username, session.host, address, nil);
	if ok then return true; end
	return nil, "wait", "internal-server-error", "Unable to save roster";
end

local function item_of(username, host, address) return M.load_roster(username, host)[jid.bare(address)]; end

-- Whether the contact gets the account's presence, and the other way round.
function M.is_contact_subscribed(username, host, address)
	if address == username .. "@" .. host then return true; end
	local item = item_of(username, host, address);
	return item and (item.subscription == "from" or item.subscription == "both") or false;
end
function M.is_user_subscribed(username, host, address)
	if address == username .. "@" .. host then return true; end
	local item = item_of(username, host, address);
	return item and (item.subscription == "to" or item.subscription == "both") or false;
end
function M.is_contact_pending_in(username, host, address)
	local roster = M.load_roster(username, host);
	return roster[false] and roster[false].pending[jid.bare(address)] or false;
end
function M.is_contact_pending_out(username, host, address)
	local item = item_of(username, host, address);
	return item and item.ask;
end
function M.is_contact_preapproved(username, host, address)
	local item = item_of(username, host, address);
	return item and (item.subscription == "from" or item.subscription == "none") and item.approved == true or false;
end

-- Changes of a subscription. They are made at once with what the server does;
-- clients are told by roster_push.
local function step(name)
	return function (username, host, address, stanza)
		return server.roster_step(username, host, jid.bare(address), name, st.is_stanza(stanza) and stanza or nil);
	end;
end
local pending_in, pending_out, unsubscribe, unsubscribed = step "set_contact_pending_in", step "set_contact_pending_out", step "unsubscribe", step "unsubscribed";
local subscribed, approved = step "subscribed", step "process_inbound_subscription_approval";
function M.set_contact_pending_in(...) return pending_in(...) or nil; end
function M.set_contact_pending_out(...) return pending_out(...) ~= nil or nil; end
function M.subscribed(...) return subscribed(...) or nil; end
function M.process_inbound_subscription_approval(...) return approved(...) or nil; end
function M.process_inbound_subscription_cancellation(...) return unsubscribe(...) or nil; end
function M.process_inbound_unsubscribe(...) return unsubscribed(...) or nil; end
function M.unsubscribe(...)
	local changed, was_there = unsubscribe(...);
	return changed or changed == false and was_there;
end
function M.unsubscribed(...)
	local changed, _, waited, was_subscribed = unsubscribed(...);
	return changed, waited, was_subscribed or nil;
end
function M.process_outbound_subscription_request(username, host, address)
	if M.load_roster(username, host)[jid.bare(address)] then return M.set_contact_pending_out(username, host, address); end
end

return M;
