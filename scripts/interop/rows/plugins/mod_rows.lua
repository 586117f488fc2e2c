-- SPDX-License-Identifier: Apache-2.0
-- Tells, when the server has started, of which files the modules in the option
-- rows_modules are, on all hosts that have them; with rows_reload it reloads
-- each once. That is when all others have done what they do then: the steps of
-- the row begin.
module:set_global();

local names = module:get_option_array("rows_modules", {});
local reload = module:get_option_boolean("rows_reload", false);

local function report(host, name)
	local loaded = prosody.hosts[host].modules[name];
	if not loaded then return; end
	module:log("info", "%s on %s is of %s", name, host, tostring(loaded.module.path));
	if not reload then return; end
	local ok, err = require "core.modulemanager".reload(host, name);
	module:log(ok and "info" or "error", "%s on %s reloaded: %s", name, host, ok and "yes" or tostring(err));
end

module:hook("server-started", function ()
	for _, name in ipairs(names) do
		for host in pairs(prosody.hosts) do
			report(host, name);
		end
	end
end, -1000);
