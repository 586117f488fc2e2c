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

-- save_roster stores a whole roster, or the one item that is named.
function M.save_roster(username, host, roster, contact)
	roster = roster or M.load_roster(username, host);
	local had = M.load_roster(username, host);
	local function put(address)
		if type(address) ~= "string" or same(had[address], roster[address]) then return true; end
		return server.roster_edit(username, host, address, roster[address]);
	end
	if contact then return put(contact); end
	local done = {};
	for _, all in ipairs { roster, had } do
		for address in pairs(all) do
			if not done[address] and (all ~= had or roster[address] == nil) then
				done[address] = true;
				local ok, err = put(address);
				if not ok then return nil, err; end
			end
		end
	end
	return true;
end

-- The server pushes what it stores.
function M.roster_push() end

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

-- change gives an item another subscription.
local function change(username, host, address, fn)
	address = jid.bare(address);
	local item = M.load_roster(username, host)[address] or { subscription = "none"; groups = {} };
	if not fn(item) then return nil; end
	return server.roster_edit(username, host, address, item);
end
function M.set_contact_pending_out(username, host, address)
	return change(username, host, address, function (item)
		if item.subscription == "to" or item.subscription == "both" then return false; end
		item.ask = "subscribe";
		return true;
	end);
end
function M.subscribed(username, host, address)
	return change(username, host, address, function (item)
		if item.subscription == "none" then item.subscription = "from"; elseif item.subscription == "to" then item.subscription = "both"; end
		return true;
	end);
end
function M.process_inbound_subscription_approval(username, host, address)
	return change(username, host, address, function (item)
		if not item.ask then return false; end
		item.subscription = item.subscription == "none" and "to" or "both";
		item.ask = nil;
		return true;
	end);
end
function M.unsubscribe(username, host, address)
	return change(username, host, address, function (item)
		if item.subscription == "both" then item.subscription = "from"; elseif item.subscription == "to" then item.subscription = "none"; end
		item.ask = nil;
		return true;
	end);
end
function M.unsubscribed(username, host, address)
	return change(username, host, address, function (item)
		if item.subscription == "both" then item.subscription = "to"; elseif item.subscription == "from" then item.subscription = "none"; end
		return true;
	end);
end
function M.process_inbound_unsubscribe(username, host, address) return M.unsubscribed(username, host, address); end
function M.process_inbound_subscription_cancellation(username, host, address) return M.unsubscribe(username, host, address); end
-- The server asks the account itself.
function M.set_contact_pending_in(username, host, address)
	server.send(st.presence { type = "subscribe"; from = address; to = username .. "@" .. host }, hosts[host]);
	return true;
end

return M;
