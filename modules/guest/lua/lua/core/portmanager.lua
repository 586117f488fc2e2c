-- SPDX-License-Identifier: Apache-2.0

-- Ports. The server listens; modules in Lua do not.

local server = require "tercet.server";
local multitable = require "util.multitable";
local M = {};
for _, name in ipairs { "register_service", "activate", "deactivate", "close" } do
	M[name] = server.refused("core.portmanager." .. name, nil, "modules in Lua do not listen on ports");
end
function M.unregister_service() end
function M.get_service() return nil; end
function M.get_registered_services() return {}; end
local none = multitable.new();
function M.get_active_services() return none; end
return M;
