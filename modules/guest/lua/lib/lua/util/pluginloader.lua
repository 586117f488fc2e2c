-- SPDX-License-Identifier: Apache-2.0

-- Finds the files of modules in the folders of prosody.paths.plugins.

local resolve = require "util.envload".envload;

-- folders returns the plugin path, the first to look in first.
local function folders()
	local list = {};
	local path = prosody and prosody.paths and prosody.paths.plugins or "";
	for dir in path:gmatch("[^;]+") do list[#list + 1] = dir; end
	return list;
end

-- places are where a resource of a plugin may lie below a folder.
local function places(plugin, resource)
	local name = resource;
	return {
		"mod_" .. plugin .. "/" .. plugin .. "/" .. name, "mod_" .. plugin .. "/" .. name, plugin .. "/" .. name, name,
		"share/lua/5.1/" .. name, "share/lua/5.1/mod_" .. plugin .. "/" .. name,
	};
end

-- load_file calls a loader with the file of each name until one is there, and
-- returns content, path and which name it was.
local function load_file(_, names)
	for _, dir in ipairs(folders()) do
		for i, name in ipairs(names) do
			local path = dir .. "/" .. name;
			local file, err, errno = io.open(path);
			if file then
				local content = file:read("*a");
				file:close();
				return content, path, i;
			elseif errno ~= 2 then
				return nil, err;
			end
		end
	end
	return nil, "file not found";
end

local function load_resource(_, plugin, resource)
	resource = resource or "mod_" .. plugin .. ".lua";
	return load_file(nil, places(plugin, resource));
end

local function load_code(self, plugin, resource, env)
	local content, err = load_resource(self, plugin, resource);
	if not content then return content, err; end
	local path = err;
	local f, why = resolve(content, "@" .. path, env);
	if not f then return f, why; end
	return f, path;
end

-- load_code_ext looks for "name.lib.lua" with the plugin, then on its own.
local function load_code_ext(self, plugin, resource, extension, env)
	local content, err = load_resource(self, plugin, resource .. "." .. extension);
	if not content and extension == "lib.lua" then content, err = load_resource(self, plugin, resource .. ".lua"); end
	if not content then content, err = load_resource(self, resource, resource .. "." .. extension); end
	if not content then return content, err; end
	local path = err;
	local f, why = resolve(content, "@" .. path, env);
	if not f then return f, why; end
	return f, path;
end

local loader_mt = { __index = {
	load_file = load_file, load_resource = load_resource, load_code = load_code, load_code_ext = load_code_ext,
} };
local function init() return setmetatable({}, loader_mt); end
local default = init();

return {
	init = init;
	load_file = function (...) return default:load_file(...); end;
	load_resource = function (...) return default:load_resource(...); end;
	load_code = function (...) return default:load_code(...); end;
	load_code_ext = function (...) return default:load_code_ext(...); end;
};
