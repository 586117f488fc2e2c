-- SPDX-License-Identifier: Apache-2.0

-- Streams with other servers.

local server = require "tercet.server";
local M = { incoming_s2s = prosody.incoming_s2s };
for _, name in ipairs { "new_incoming", "new_outgoing", "make_authenticated", "retire_session", "mark_connected" } do
	M[name] = server.refused("core.s2smanager." .. name, nil, "the server does that itself");
end
function M.destroy_session(session, reason) session:close(reason); end
return M;
