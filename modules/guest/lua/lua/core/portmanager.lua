-- SPDX-License-Identifier: Apache-2.0

-- Ports. The server listens; modules in Lua do not.

local multitable = require "util.multitable";
local M = {};
local function refuse() return nil, "modules in Lua do not listen on ports"; end
M.register_service, M.activate, M.deactivate, M.close = refuse, refuse, refuse, refuse;
function M.unregister_service() end
function M.get_service() return nil; end
function M.get_registered_services() return {}; end
local none = multitable.new();
function M.get_active_services() return none; end
return M;
