-- SPDX-License-Identifier: Apache-2.0

-- Sessions of clients. The server makes and ends them; modules send to them.

local server = require "tercet.server";
local hosts = server.hosts();
local M = {};

for _, name in ipairs { "new_session", "make_authenticated", "bind_resource", "retire_session" } do
	M[name] = server.refused("core.sessionmanager." .. name, nil, "cancel", "not-allowed", "the server does that itself");
end
function M.destroy_session(session, err) session:close(err); end

local function each(username, host, wanted, stanza)
	local account = hosts[host] and hosts[host].sessions[username];
	local count = 0;
	for _, session in pairs(account and account.sessions or {}) do
		if session[wanted] then
			session.send(stanza);
			count = count + 1;
		end
	end
	return count;
end
function M.send_to_available_resources(username, host, stanza) return each(username, host, "presence", stanza); end
function M.send_to_interested_resources(username, host, stanza) return each(username, host, "interested", stanza); end

return M;
