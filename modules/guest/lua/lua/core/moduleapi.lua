-- SPDX-License-Identifier: Apache-2.0

-- The object "module" that modules find in their environment.

local server = require "tercet.server";
local array, set, it = require "util.array", require "util.set", require "util.iterators";
local st, jid, id = require "util.stanza", require "util.jid", require "util.id";
local timer, promise, errors = require "util.timer", require "util.promise", require "util.error";
local logger, format = require "util.logger", require "util.format".format;
local datetime = require "util.datetime";

local hosts = server.hosts();
local api = {};
local api_mt = { __index = api };
local shared = {}; -- by path
local globals = {}; -- modules that stand on no host, by name
local M = { api = api; shared = shared; globals = globals };

-- events_of is the event object that a module's events are fired on.
local function events_of(self) return self.host == "*" and server.events or hosts[self.host].events; end

function M.fire(self, name, data) return events_of(self).fire_event(name, data); end

-- new makes the object for a module on a host.
function M.new(name, host, path, instance)
	local log = logger.init(host .. ":" .. name);
	local self = { name = name; host = host; home = host; path = path; instance = instance; _log = log; log = function (_, ...) return log(...); end;
		event_handlers = {}; items = {}; timers = {}; measures = {}; dependencies = {}; reverse_dependencies = {} };
	return setmetatable(self, api_mt);
end

function api:get_name() return self.name; end
function api:get_host() return self.host; end
function api:get_host_type() return self.host == "*" and "global" or hosts[self.host] and hosts[self.host].type; end
function api:set_global() self.host = "*"; end

-- Events.

local function remember(self, object, event, handler) table.insert(self.event_handlers, { object, event, handler }); end

-- native reports whether an object is that of the events which the server fires
-- on the module's own host.
local function native(self, object, event)
	return type(event) == "string" and self.host == self.home and self.host ~= "*" and hosts[self.home] and object == hosts[self.home].events;
end

function api:hook_object_event(object, event, handler, priority)
	object.add_handler(event, handler, priority);
	remember(self, object, event, handler);
	if native(self, object, event) then server.hook(self.instance, event, handler, priority); end
end

function api:unhook_object_event(object, event, handler)
	for i, h in ipairs(self.event_handlers) do
		if h[1] == object and h[2] == event and h[3] == handler then
			table.remove(self.event_handlers, i);
			object.remove_handler(event, handler);
			if native(self, object, event) then server.unhook(self.instance, event, handler); end
			return;
		end
	end
end

function api:hook(event, handler, priority)
	self:hook_object_event(events_of(self), event, handler, priority);
	if type(event) ~= "string" then return; end
	server.expects(self.instance, event);
	if self.host ~= "*" and self.host ~= self.home and server.routed(event) then
		self:log("warn", "module:context(%q):hook(%q): a module has the server's events of its own host only", self.host, event);
	end
end

function api:unhook(event, handler) self:unhook_object_event(events_of(self), event, handler); end

function api:hook_global(event, handler, priority)
	self:hook_object_event(server.events, event, handler, priority);
	if type(event) == "string" then server.expects(self.instance, event); end
end

function api:hook_tag(xmlns, name, handler, priority)
	if not handler and type(name) == "function" then
		xmlns, name, handler, priority = nil, xmlns, name, handler;
	elseif not handler or not name then
		self:log("warn", "module:hook_tag() without a name or a handler");
		return;
	end
	return self:hook("stanza/" .. (xmlns and (xmlns .. ":") or "") .. name,
		function (data) return handler(data.origin, data.stanza, data); end, priority);
end
api.hook_stanza = api.hook_tag;

function api:wrap_object_event(object, event, handler)
	object.add_wrapper(event, handler);
	table.insert(self.event_handlers, { object, event, handler; wrapper = true });
end
function api:wrap_event(event, handler)
	self:wrap_object_event(events_of(self), event, handler);
	if self.host == "*" then return; end
	if type(event) ~= "string" then
		self:log("warn", "module:wrap_event() of all events: it meets those that modules in Lua fire, and none of the server's");
	elseif server.routed(event) and not server.wrap(self.instance, event, handler) then
		self:log("warn", "module:wrap_event(%q): what the server does at this event cannot be wrapped", event);
	end
end
function api:wrap_global(event, handler) return self:wrap_object_event(server.events, event, handler); end
function api:fire_event(...) return events_of(self).fire_event(...); end

-- context is the same module, acting on another host.
function api:context(host)
	return setmetatable({ host = host or "*"; log = self.log; _log = self._log }, { __index = self });
end

-- Options.

local function option(self, name) return server.config_get(self.host, name, self.instance); end

function api:get_option(name, default)
	local value = option(self, name);
	if value == nil then return default; end
	return value;
end

function api:get_option_scalar(name, default)
	local value = self:get_option(name, default);
	if type(value) == "table" then
		if #value ~= 1 then self:log("error", "Config option '%s' does not take a list, using the first item", name); end
		value = value[1];
	end
	return value;
end

function api:get_option_string(name, default)
	local value = self:get_option_scalar(name, default);
	if value == nil then return nil; end
	return tostring(value);
end

function api:get_option_number(name, default, least, most)
	local value = self:get_option_scalar(name, default);
	local number = tonumber(value);
	if value ~= nil and not number then
		self:log("error", "Config option '%s' not understood, expecting a number", name);
	end
	if number and least and number < least then number = least; end
	if number and most and number > most then number = most; end
	return number;
end

function api:get_option_integer(name, default, least, most)
	local value = self:get_option_number(name, default, least or -2^53, most or 2^53);
	if value and value % 1 ~= 0 then
		self:log("error", "Config option '%s' expected an integer, not a float (%g)", name, value);
		return default;
	end
	return value;
end

local units = { s = 1; sec = 1; min = 60; mi = 60; h = 3600; ho = 3600; d = 86400; da = 86400; w = 604800; we = 604800; mo = 2629746; m = 2629746; y = 31556952; ye = 31556952 };
function api:get_option_period(name, default)
	local value = self:get_option_scalar(name, default);
	if value == "never" or value == false then return math.huge; end
	if type(value) ~= "string" then return tonumber(value); end
	local n, unit = value:lower():match("^%s*([%d.]+)%s*(%a*)");
	if not n then
		self:log("error", "Config option '%s' not understood, expecting a period (e.g. \"2 days\")", name);
		return nil;
	end
	return tonumber(n) * (unit == "" and 1 or units[unit:sub(1, 3)] or units[unit:sub(1, 2)] or units[unit:sub(1, 1)] or 1);
end

function api:get_option_boolean(name, default)
	local value = self:get_option_scalar(name, default);
	if value == nil then return nil; end
	if value == true or value == "true" or value == 1 then return true; end
	if value == false or value == "false" or value == 0 then return false; end
	self:log("error", "Config option '%s' not understood, expecting true/false", name);
	return nil;
end

function api:get_option_array(name, default)
	local value = self:get_option(name, default);
	if value == nil then return nil; end
	if type(value) ~= "table" then return array { value }; end
	return array():append(value);
end

function api:get_option_set(name, default)
	local value = self:get_option_array(name, default);
	if value == nil then return nil; end
	return set.new(value);
end

function api:get_option_inherited_set(name, default)
	local value = self:get_option_set(name, default);
	local global = self:context("*"):get_option_set(name, default);
	if not value then return global; end
	if not global then return value; end
	value:include(global);
	return value;
end

function api:get_option_enum(name, default, ...)
	local value = self:get_option_scalar(name, default);
	if value == nil then return nil; end
	for _, word in ipairs { default, ... } do
		if value == word then return value; end
	end
	self:log("error", "Config option '%s' not understood, expecting one of: %s", name, table.concat({ default, ... }, ", "));
	return default;
end

function api:get_option_path(name, default, parent)
	if parent == nil then parent = self:get_directory();
	elseif prosody.paths[parent] then parent = prosody.paths[parent]; end
	local value = self:get_option_string(name, default);
	if value == nil then return nil; end
	if value:match("^/") then return value; end
	return (parent or ".") .. "/" .. value;
end

-- Items.

function api:add_item(kind, value)
	table.insert(self.items, { kind, value });
	local list = M.items_of(self.host);
	list[kind] = list[kind] or {};
	table.insert(list[kind], value);
	M.native_item(self, kind, value);
	self:fire_event("item-added/" .. kind, { source = self, item = value });
end

function api:remove_item(kind, value)
	for i, item in ipairs(self.items) do
		if item[1] == kind and item[2] == value then
			table.remove(self.items, i);
			M.forget_item(self, kind, value);
			self:fire_event("item-removed/" .. kind, { source = self, item = value });
			return;
		end
	end
end

local items = {}; -- by host, by kind
function M.items_of(host)
	items[host] = items[host] or {};
	return items[host];
end

function M.forget_item(self, kind, value)
	local list = M.items_of(self.host)[kind] or {};
	for i = #list, 1, -1 do
		if list[i] == value then table.remove(list, i); break; end
	end
end

-- native_item tells the server of what it shows itself.
function M.native_item(self, kind, value)
	if self.host == "*" then -- on the hosts that have it
		for _, object in pairs(kind == "http-provider" and self.added or {}) do server.provide_http(object.instance, value); end
		return;
	end
	if kind == "feature" then server.add_feature(self.instance, value);
	elseif kind == "identity" then server.add_identity(self.instance, value.category, value.type, value.name);
	elseif kind == "extension" then server.add_extension(self.instance, value);
	elseif kind == "http-provider" then server.provide_http(self.instance, value);
	elseif kind == "adhoc" or kind == "adhoc-provider" then server.add_command(self.instance, value); end
end

function api:get_host_items(kind)
	local list = array();
	for _, host in ipairs { self.host, self.host ~= "*" and "*" or nil } do
		list:append(array(M.items_of(host)[kind] or {}):map(function (v) return v; end));
	end
	return list;
end

function api:handle_items(kind, added, removed, existing)
	if added then self:hook("item-added/" .. kind, added); end
	if removed then self:hook("item-removed/" .. kind, removed); end
	if existing ~= false and added then
		for _, item in ipairs(self:get_host_items(kind)) do added { item = item }; end
	end
end

function api:add_feature(xmlns) self:add_item("feature", xmlns); end
function api:add_identity(category, kind, name) self:add_item("identity", { category = category; type = kind; name = name }); end
function api:add_extension(form) self:add_item("extension", form); end

function api:provides(kind, item)
	if not item then
		item = {};
		for k, v in pairs(self.environment) do
			if k ~= "module" then item[k] = v; end
		end
	end
	if not item.name then
		local name = self.name;
		if name:sub(1, #kind + 1) == kind .. "_" then name = name:sub(#kind + 2); end
		item.name = name;
	end
	item._provided_by = self.name;
	self:add_item(kind .. "-provider", item);
end

-- Other modules, and what is shared with them.

function api:depends(name)
	local disabled = self:get_option_inherited_set("modules_disabled");
	if disabled and disabled:contains(name) then
		error("Dependency on disabled module mod_" .. name);
	end
	local other = server.module_api(self.host, name);
	if not other and globals[name] then
		other = globals[name];
	elseif not other and not server.module_loaded(self.host, name) then
		local ok, err = server.module_load(self.host, name);
		if not ok then error(("Unable to load required module, mod_%s: %s"):format(name, tostring(err)), 2); end
		other = server.module_api(self.host, name);
	end
	if self.instance and not self.dependencies[name] then server.depended(self.instance, name); end
	self.dependencies[name] = true;
	if other then
		other.reverse_dependencies[self.name] = true;
		return other.environment;
	end
	return hosts[self.host] and hosts[self.host].modules[name] or {};
end

-- shared returns the table of a path, or of each of several, merged.
function api:shared(...)
	local result;
	for _, path in ipairs { ... } do
		if path:sub(1, 1) ~= "/" then
			path = path:find("/", 1, true) and ("/" .. self.host .. "/" .. path) or ("/" .. self.host .. "/" .. self.name .. "/" .. path);
		end
		shared[path] = shared[path] or {};
		if not result then result = shared[path];
		else
			local first, more = result, shared[path];
			result = setmetatable({}, { __index = function (_, k)
				local v = first[k];
				if v == nil then v = more[k]; end
				return v;
			end });
		end
	end
	return result;
end

function api:require(lib)
	local own = server.embedded("plugins/" .. lib .. ".lib.lua"); -- of what the server does itself
	local f, path;
	if own then
		f, path = require "util.envload".envload(own, "@" .. lib .. ".lib.lua", self.environment);
	else
		f, path = require "util.pluginloader".load_code_ext(self.name, lib, "lib.lua", self.environment);
	end
	if not f then error("Failed to load plugin library '" .. lib .. "', error: " .. tostring(path), 2); end
	return f();
end

function api:http_url(name, path)
	return server.http_url(self.instance, name or self.name:gsub("^http_", ""), path);
end

-- Stanzas.

function api:send(stanza, origin) return server.send(stanza, origin); end

function api:broadcast(jids, stanza, iter)
	for address in (iter or it.values)(jids) do
		local copy = st.clone(stanza);
		copy.attr.to = address;
		self:send(copy);
	end
end

function api:send_iq(stanza, origin, timeout)
	local wait = timeout or 120;
	return promise.new(function (resolve, reject)
		if not stanza.attr.id then error("IQ without an id"); end
		if stanza.attr.from == nil then stanza.attr.from = self.host; end
		local sent_to = stanza.attr.to and jid.prep(stanza.attr.to) or jid.bare(stanza.attr.from);
		local _, _, resource = jid.split(stanza.attr.from);
		local node = jid.node(stanza.attr.from);
		local kind = resource and "full" or node and "bare" or "host";
		local where = self:context(jid.host(stanza.attr.from));
		local result_event, error_event = "iq-result/" .. kind .. "/" .. stanza.attr.id, "iq-error/" .. kind .. "/" .. stanza.attr.id;
		local timeout_handle, on_result, on_error;
		local function done()
			where:unhook_object_event(events_of(where), result_event, on_result);
			where:unhook_object_event(events_of(where), error_event, on_error);
			if timeout_handle then timeout_handle:stop(); end
		end
		local function ours(event) return (jid.prep(event.stanza.attr.from or jid.bare(event.stanza.attr.to))) == sent_to; end
		function on_result(event)
			if not ours(event) then return; end
			done();
			resolve(event);
			return true;
		end
		function on_error(event)
			if not ours(event) then return; end
			done();
			reject(errors.from_stanza(event.stanza, event));
			return true;
		end
		where:hook_object_event(events_of(where), result_event, on_result, 1);
		where:hook_object_event(events_of(where), error_event, on_error, 1);
		timeout_handle = self:add_timer(wait, function ()
			done();
			reject(errors.new { type = "wait"; condition = "remote-server-timeout"; text = "IQ stanza timed out" });
		end);
		self:send(stanza, origin);
	end);
end

-- Time.

local timer_methods = {};
function timer_methods:stop() return timer.stop(self.id); end
timer_methods.disarm = timer_methods.stop;
function timer_methods:reschedule(delay) return timer.reschedule(self.id, delay); end
local timer_mt = { __index = timer_methods; __call = function (handle) return handle:stop(); end };

function api:add_timer(delay, callback, ...)
	local args, n = { ... }, select("#", ...);
	local handle = setmetatable({}, timer_mt);
	handle.id = timer.add_task(delay, function (now)
		if self.loaded == false then return; end
		if not self.instance then return callback(now, unpack(args, 1, n)); end
		return server.metered(self.instance, callback, now, unpack(args, 1, n));
	end);
	self.timers[handle] = true;
	return handle;
end

-- cron has mod_cron run a task. Its id, under which mod_cron keeps when it ran
-- last, is the one that mod_cron of Prosody makes.
function api:cron(task)
	self:depends "cron";
	if task.id == nil then
		task.id = self.name .. "/" .. (task.name or task.when or ""):gsub("%W", "_"):lower();
	end
	self:add_item("task", task);
end

local function periodic(when)
	return function (self, name, fn)
		if type(name) == "function" then name, fn = nil, name; end
		self:cron { name = name; when = when; run = fn };
	end;
end
api.hourly, api.daily, api.weekly = periodic("hourly"), periodic("daily"), periodic("weekly");

-- Files and stores.

function api:get_directory() return self.resource_path or self.path and (self.path:gsub("[\\/][^\\/]*$", "")) or nil; end

function api:load_resource(path, mode)
	path = path:match("^/") and path or (self:get_directory() .. "/" .. path);
	return io.open(path, mode);
end

function api:open_store(name, kind)
	if self.host == "*" then return nil, "no-store-for-global-modules"; end
	return require "core.storagemanager".open(self.host, name or self.name, kind);
end

-- Statistics.

function api:measure(name, kind, conf)
	local measure = require "core.statsmanager".measure;
	local label = self.host ~= "*" and "host" or nil;
	return measure(kind, "mod_" .. self.name .. "/" .. name, conf, label, label and self.host);
end

function api:metric(kind, name, unit, description, label_keys, conf)
	return require "core.statsmanager".metric(kind, "prosody_mod_" .. self.name .. "/" .. name, unit, description, label_keys, conf);
end

-- Status.

local status_level = { info = "info"; warn = "warn"; error = "error"; core = "debug" };
function api:set_status(kind, text, override)
	local priority = { info = 0; warn = 1; error = 2; core = 3 };
	if not priority[kind] then self:log("error", "Invalid status type '%s'", kind); kind = "info"; end
	if self.status_type and not override and priority[self.status_type] > priority[kind] then return; end
	self.status_type, self.status_message, self.status_time = kind, text, os.time();
	self:fire_event("module-status/updated", { name = self.name });
end
function api:log_status(kind, text, override)
	self:log(status_level[kind] or "info", "%s", text);
	self:set_status(kind, text, override);
end
function api:get_status() return self.status_type, self.status_message, self.status_time; end

-- From 13.0.

function api:once(fn) return self:on_ready(fn); end
function api:on_ready(fn)
	self:add_timer(0, function () fn(); end);
end
function api:default_permission() end
function api:default_permissions() end
function api:may(_, context)
	local from = context and (context.stanza and context.stanza.attr.from or context.full_jid) or nil;
	return from and require "core.usermanager".is_admin(jid.bare(from), self.host) or false;
end
api.could = api.may;

-- add_host adds a module that stands on no host to one; object is its API
-- object there. Both share the environment.
function M.add_host(global, object, host)
	object.host, object.environment = host, global.environment;
	setmetatable(object, { __index = function (_, key)
		local v = api[key];
		if v == nil and key ~= "add_host" and key ~= "load" and key ~= "unload" then v = rawget(global, key); end
		return v;
	end });
	global.added = global.added or {};
	global.added[host] = object;
	rawset(object, "stands_on", global);
	for _, item in ipairs(global.items) do
		if item[1] == "http-provider" then server.provide_http(object.instance, item[2]); end
	end
	if global.add_host then
		local ok, err = global.add_host(object);
		if ok == false then error(err or "the module refuses this host", 0); end
	end
	object.loaded = true;
end

-- forget takes back all that a module has left behind.
function M.forget(self)
	self.loaded = false;
	for i = #self.event_handlers, 1, -1 do
		local h = self.event_handlers[i];
		if h.wrapper then h[1].remove_wrapper(h[2], h[3]); else h[1].remove_handler(h[2], h[3]); end
	end
	self.event_handlers = {};
	for handle in pairs(self.timers) do handle:stop(); end
	self.timers = {};
	for i = #self.items, 1, -1 do
		local item = self.items[i];
		M.forget_item(self, item[1], item[2]);
		events_of(self).fire_event("item-removed/" .. item[1], { source = self, item = item[2] });
	end
	self.items = {};
	for _, object in pairs(rawget(self, "added") or {}) do
		if object ~= self and object.loaded then M.stop(object); end
	end
	if globals[self.name] == self then globals[self.name] = nil; end
	events_of(self).fire_event("module-unloaded", { module = self.name; host = self.host });
end

-- stop calls a module's unload, and has it forgotten.
function M.stop(self)
	local unload = rawget(self, "unload");
	if unload and self.loaded then
		local ok, err = xpcall(unload, debug.traceback);
		if not ok then self:log("error", "Error while unloading: %s", err); end
	end
	M.forget(self);
end

-- unload ends a module on the host of its instance. One that stands on no host
-- goes on as long as others have it.
function M.unload(self)
	local global = rawget(self, "stands_on") or rawget(self, "added") and self;
	if not global then return M.stop(self); end
	local object = global == self and self.added[self.home] or self;
	if object ~= global then
		global.added[object.host] = nil;
		M.stop(object);
	end
	local _, other = next(global.added);
	if not other then return M.stop(global); end
	if global == self then -- from now on it is of the instance of another host
		self.home, self.instance = nil, other.instance;
	end
end

M.datetime, M.id, M.format = datetime, id, format;
return setmetatable(M, { __index = api });
