-- SPDX-License-Identifier: Apache-2.0

-- Accounts, and who may do what.

local server = require "tercet.server";
local jid, set, it = require "util.jid", require "util.set", require "util.iterators";
local hosts = server.hosts();

local M = {};

function M.user_exists(username, host) return server.user_exists(username, host) == true; end
function M.create_user(username, password, host) return server.create_user(username, host, password); end
function M.delete_user(username, host)
	local ok, err = server.delete_user(username, host);
	if ok then prosody.events.fire_event("user-deleted", { username = username, host = host }); end
	return ok, err;
end
function M.set_password(username, password, host) return server.set_password(username, host, password); end
function M.test_password(username, host, password) return server.test_password(username, host, password) == true; end
-- Accounts are kept with hashes only.
function M.get_password() return nil, "Password not available."; end
function M.users(host)
	local names = server.users(host);
	local i = 0;
	return function ()
		i = i + 1;
		return names[i];
	end;
end

local provider = {};
function M.get_provider(host)
	if provider[host] then return provider[host]; end
	local p = { name = "tercet" };
	function p.user_exists(username) return M.user_exists(username, host); end
	function p.create_user(username, password) return M.create_user(username, password, host); end
	function p.delete_user(username) return M.delete_user(username, host); end
	function p.set_password(username, password) return M.set_password(username, password, host); end
	function p.test_password(username, password) return M.test_password(username, host, password); end
	function p.get_password() return M.get_password(); end
	function p.users() return M.users(host); end
	p.get_sasl_handler = server.refused("core.usermanager.get_sasl_handler", nil, "the server authenticates by itself");
	provider[host] = p;
	return p;
end
function M.get_sasl_handler(host) return M.get_provider(host).get_sasl_handler(); end
function M.new_null_provider()
	local function no() return nil, "method not implemented"; end
	return setmetatable({ name = "null"; users = it.it }, { __index = function () return no; end });
end
function M.initialize_host(host) if hosts[host] then hosts[host].users = M.get_provider(host); end end

function M.is_admin(address, host)
	if host == "*" then host = nil; end
	return server.admins(host)[jid.bare(jid.prep(address) or "")] == true;
end

function M.get_roles(user, host)
	local address = type(user) == "table" and user.username .. "@" .. user.host or user:find("@", 1, true) and user or user .. "@" .. (host or "");
	local roles = {};
	if M.is_admin(address, host) then roles["prosody:admin"] = true; end
	if M.is_admin(address) then roles["prosody:operator"] = true; end
	return roles;
end
M.set_roles = server.refused("core.usermanager.set_roles", nil, "roles are the config's (admins)");

function M.get_jids_with_role(role, host)
	local list = {};
	if role == "prosody:admin" or role == "prosody:operator" then
		for address in pairs(server.admins(role == "prosody:admin" and host or nil)) do table.insert(list, address); end
	end
	return list;
end

function M.get_users_with_role(role, host)
	local list = set.new();
	for _, address in ipairs(M.get_jids_with_role(role, host)) do
		local node, domain = jid.split(address);
		if domain == host then list:add(node); end
	end
	return list:items();
end

function M.get_jid_role(address, host) return M.is_admin(address, host) and { name = "prosody:admin" } or nil; end

-- From 13.0.
function M.get_user_role(username, host) return { name = M.is_admin(username .. "@" .. host, host) and "prosody:admin" or "prosody:registered" }; end
function M.user_is_enabled(username, host) return M.user_exists(username, host); end
function M.get_account_info(username, host) return M.user_exists(username, host) and {} or nil; end

return M;
