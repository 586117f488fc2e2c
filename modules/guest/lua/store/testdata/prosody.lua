-- SPDX-License-Identifier: Apache-2.0

-- Runs a script with Prosody's own storage: its manager, and the driver that
-- keeps files. Arguments: Prosody's folder, one for data, and two scripts.

local base, data, prelude, script = arg[1], arg[2], arg[3], arg[4];
package.path = base .. "/?.lua;" .. package.path;
package.cpath = base .. "/?.so;" .. package.cpath;
unpack = unpack or table.unpack;

local events = require "util.events";
local host = "example.org";
prosody = {
	paths = { source = base, data = data }, platform = "posix", events = events.new(),
	hosts = { [host] = { host = host, type = "local", events = events.new() } },
};

-- What the manager needs of the server.
package.loaded["core.configmanager"] = { get = function () end };
package.loaded["core.modulemanager"] = {
	load = function (at, name)
		local module = { host = at, name = name };
		function module:get_option_number(_, default) return default end
		module.get_option = module.get_option_number;
		function module:log() end
		function module:provides(_, driver)
			driver.name = name:gsub("^storage_", "");
			prosody.hosts[at].events.fire_event("item-added/storage-provider", { item = driver });
		end
		local env = setmetatable({ module = module }, { __index = _G });
		assert(loadfile(base .. "/modules/mod_" .. name .. ".lua", "t", env))();
		return true;
	end;
};
local manager = require "core.storagemanager";
manager.initialize_host(host);

function open(name, typ) return manager.open(host, name, typ) end

dofile(prelude);
dofile(script);
