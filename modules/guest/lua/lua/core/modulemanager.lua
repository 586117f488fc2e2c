-- SPDX-License-Identifier: Apache-2.0

-- Modules: which are loaded, and how that is changed.

local server = require "tercet.server";
local set, array = require "util.set", require "util.array";
local api = require "core.moduleapi";
local hosts = server.hosts();

local M = { api = api.api };

function M.load(host, name) return server.module_load(host, name); end
function M.unload(host, name) return server.module_unload(host, name); end
function M.reload(host, name) return server.module_reload(host, name); end
function M.is_loaded(host, name) return server.module_loaded(host, name); end

function M.get_module(host, name)
	if server.module_loaded(host, name) then return hosts[host].modules[name]; end
	return nil;
end

function M.get_modules(host)
	local all = {};
	if hosts[host] then
		for name, env in pairs(hosts[host].modules) do all[name] = env; end
	end
	return all;
end

function M.get_items(kind, host)
	local list = array();
	for _, h in ipairs { host, host ~= "*" and "*" or nil } do list:append(array():append(api.items_of(h)[kind] or {})); end
	return list;
end

function M.get_modules_for_host(host)
	local names = set.new();
	for name in pairs(M.get_modules(host)) do names:add(name); end
	local own = server.config_get(host, "modules_enabled");
	for _, name in ipairs(type(own) == "table" and own or {}) do names:add(name); end
	local global = server.config_get("*", "modules_enabled");
	for _, name in ipairs(type(global) == "table" and global or {}) do names:add(name); end
	local off = server.config_get(host, "modules_disabled");
	for _, name in ipairs(type(off) == "table" and off or {}) do names:remove(name); end
	return names, hosts[host] and hosts[host].type == "component" and server.config_get(host, "component_module") or nil;
end

function M.module_has_method(module, method)
	return type(rawget(module.module or module, method)) == "function";
end

function M.call_module_method(module, method, ...)
	local object = module.module or module;
	if M.module_has_method(module, method) then return xpcall(object[method], debug.traceback, ...); end
	return false, "no-such-method";
end

return M;
