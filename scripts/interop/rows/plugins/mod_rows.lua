-- SPDX-License-Identifier: Apache-2.0
-- Reloads the modules in the option rows_reload on all hosts that have them,
-- once, when the server has started.
module:set_global();

local modulemanager = require "core.modulemanager";
local names = module:get_option_array("rows_reload", {});

local function reload(host, name)
	if not modulemanager.is_loaded(host, name) then return; end
	local ok, err = modulemanager.reload(host, name);
	if ok then
		module:log("info", "reloaded %s on %s", name, host);
	else
		module:log("error", "not reloaded %s on %s: %s", name, host, err);
	end
end

module:hook("server-started", function ()
	for _, name in ipairs(names) do
		if modulemanager.is_loaded("*", name) then
			reload("*", name);
		else
			for host in pairs(prosody.hosts) do
				reload(host, name);
			end
		end
	end
end);
