-- SPDX-License-Identifier: Apache-2.0

-- Streams with other servers.

local M = { incoming_s2s = prosody.incoming_s2s };
local function refuse() return nil, "the server does that itself"; end
M.new_incoming, M.new_outgoing, M.make_authenticated, M.retire_session, M.mark_connected = refuse, refuse, refuse, refuse, refuse;
function M.destroy_session(session, reason) session:close(reason); end
return M;
