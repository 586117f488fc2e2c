-- SPDX-License-Identifier: Apache-2.0

-- Makes the globals that modules expect, and what the server calls.

local server = require "tercet.server";
local logger = require "util.logger";

logger.add_simple_sink(function (source, level, text) server.log(level, source, text); end);

local file, folder = server.config_place();
prosody = {
	events = server.events;
	hosts = server.hosts();
	full_sessions = server.full_sessions();
	bare_sessions = server.bare_sessions();
	incoming_s2s = {};
	process_type = "prosody";
	platform = "posix";
	version = server.version;
	start_time = server.start_time;
	config_file = file;
	config_loaded = true;
	installed = true;
	arg = {};
	opts = {};
	paths = { config = folder; data = server.data_path; plugins = table.concat(server.plugin_folders(), ";"); source = ""; installer = server.data_path .. "/custom_plugins" };
	shutdown = function (reason) server.shutdown(reason); end;
	reload_config = function () server.reload_config(); return true; end;
	reopen_logfiles = function () prosody.events.fire_event("reopen-log-files"); end;
	lock_globals = server.lock_globals;
	unlock_globals = server.unlock_globals;
	log = logger.init("general");
};
hosts, bare_sessions, full_sessions = prosody.hosts, prosody.bare_sessions, prosody.full_sessions;
_G.log = prosody.log;
_G.server = { };
_G.import = function (name, ...)
	local library = type(name) == "string" and require(name) or name;
	local values = {};
	for i, field in ipairs { ... } do values[i] = library[field]; end
	return unpack(values, 1, select("#", ...));
end;
socket = require "socket";
function prosody.core_post_stanza(origin, stanza, preevents)
	if preevents then server.submit(origin, stanza); else server.send(stanza, origin); end
	return true;
end
function prosody.core_process_stanza(origin, stanza) server.submit(origin, stanza); end
function prosody.core_route_stanza(origin, stanza) server.send(stanza, origin); end

for _, name in ipairs { "array", "datetime", "iterators", "helpers" } do require("util." .. name); end

local api = require "core.moduleapi";
local modulemanager = require "core.modulemanager";
local rostermanager = require "core.rostermanager";

local boot = {};

-- host_added is told of a host that Lua sees for the first time.
function boot.host_added(host) prosody.events.fire_event("host-activated", host.host); end

-- new_module makes the API object of a module.
function boot.new_module(name, host, path, instance)
	return api.new(name, host.host, path, instance);
end

local function traceback(err)
	return type(err) == "table" and tostring(err) or debug.traceback(tostring(err), 2);
end

-- run_module runs a module's chunk and its load; it returns why that failed.
function boot.run_module(module, chunk, saved, reloading)
	if reloading then module.reloading, module.saved_state = true, saved; end
	local host = module.host;
	local ok, err;
	if api.globals[module.name] and not reloading then -- it stands on no host already: only this one is added
		ok, err = xpcall(api.add_host, traceback, api.globals[module.name], module, host);
	else
		ok, err = xpcall(chunk, traceback);
		if ok and module.load then ok, err = xpcall(module.load, traceback); end
		if ok and module.host == "*" then
			api.globals[module.name], module.home = module, host;
			ok, err = xpcall(api.add_host, traceback, module, api.new(module.name, host, module.path, module.instance), host);
		end
	end
	if ok and reloading and module.restore then ok, err = xpcall(module.restore, traceback, saved or {}); end
	module.reloading, module.saved_state = nil, nil;
	if not ok then return err or "unknown error"; end
	module.loaded = true;
	api.fire(module, reloading and "module-reloaded" or "module-loaded", { module = module.name; host = module.host });
	return nil;
end

-- save_module returns what a module wants to keep over its reload, and nil, or
-- nil and why it can not.
function boot.save_module(module)
	if not module.save then return {}, nil; end
	local ok, state = xpcall(module.save, traceback);
	if not ok then return nil, state; end
	return state or {}, nil;
end

-- unload_module has a module forget all.
boot.unload_module = api.unload;

-- forget_module is that for one whose unload does not end.
boot.forget_module = api.forget;

function boot.roster_of(username, host) return rostermanager.load_roster(username, host); end

function boot.session_log(id) return logger.init(id or "c2s"); end

-- session_conn is what stands for a session's connection.
function boot.session_conn(session)
	local conn = {};
	function conn:ip() return session.ip; end
	function conn:ssl() return session.secure; end
	function conn:close() session:close(); end
	function conn:pause() end
	function conn:resume() end
	function conn:setoption() end
	function conn:socket() return { info = function () return {}; end }; end
	function conn:serverport() return 5222; end
	function conn:clientport() return session["tercet.port"] or 0; end
	conn.port = conn.clientport;
	return conn;
end

-- run_command does one stage of an ad-hoc command, and says what the server is
-- to answer: {status, default, actions = { {name} }, notes = { {type, text} },
-- payload = { stanza }, state}.
function boot.run_command(item, data, state)
	local reply, new_state = item.handler(item, data, state);
	reply = reply or {};
	local made = { status = reply.status or "executing"; state = new_state; actions = {}; notes = {}; payload = {} };
	for name, value in pairs(reply) do
		if name == "info" or name == "warn" or name == "error" then
			table.insert(made.notes, { type = name, text = type(value) == "table" and value.message or tostring(value) });
		elseif name == "form" then
			local form = value.layout and value.layout:form(value.values) or value.layout == nil and value.form and value:form() or value;
			table.insert(made.payload, form);
		elseif name == "result" then
			table.insert(made.payload, value.layout:form(value.data, "result"));
		elseif name == "other" then
			table.insert(made.payload, value);
		elseif name == "actions" then
			made.default = value.default;
			for _, action in ipairs(value) do table.insert(made.actions, { name = action }); end
		end
	end
	if reply.status == "error" then made.status = "completed"; end
	return made;
end

-- shell_command runs a module's command as prosodyctl does: what it prints goes
-- to a function.
function boot.shell_command(module, arg, say)
	local printed, process = print, prosody.process_type;
	prosody.process_type = "prosodyctl";
	rawset(_G, "print", function (...)
		local words = {};
		for i = 1, select("#", ...) do words[i] = tostring((select(i, ...))); end
		say(table.concat(words, "\t"));
	end);
	local ok, result = xpcall(module.command, traceback, arg);
	rawset(_G, "print", printed);
	prosody.process_type = process;
	if not ok then error(result, 0); end
	return result;
end

boot.modulemanager = modulemanager;
return boot;
