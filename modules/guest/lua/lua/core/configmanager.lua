-- SPDX-License-Identifier: Apache-2.0

-- What the config says.

local server = require "tercet.server";
local M = {};

function M.get(host, key, old)
	if old then key = old; end -- (host, "core", key), as before 0.9
	return server.config_get(host, key);
end
function M.rawget(host, key, old)
	if old then key = old; end
	return server.config_own(host ~= "*" and host or "", key);
end
function M.set() return false; end
function M.load() return nil, "file", "the server reads its config by itself"; end
function M.files() return { (server.config_place()) }; end

function M.getconfig()
	local all = {};
	for host in pairs(server.hosts()) do
		all[host] = setmetatable({}, { __index = function (_, key) return server.config_own(host, key); end });
	end
	all["*"] = setmetatable({}, { __index = function (_, key) return server.config_own("", key); end });
	return all;
end

function M.resolve_relative_path(parent, path)
	if not path then return nil; end
	if path:match("^/") then return path; end
	return (parent or ".") .. "/" .. path;
end

return M;
