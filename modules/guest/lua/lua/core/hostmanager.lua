-- SPDX-License-Identifier: Apache-2.0

local server = require "tercet.server";
local M = {};

-- Hosts come and go with the config.
for _, name in ipairs { "activate", "deactivate" } do
	M[name] = server.refused("core.hostmanager." .. name, nil, "hosts are those of the config");
end

-- get_children are the components below a host.
function M.get_children(host)
	local all = {};
	for name, h in pairs(server.hosts()) do
		if h.type == "component" and name:sub(-#host - 1) == "." .. host then all[name] = h; end
	end
	return all;
end

return M;
