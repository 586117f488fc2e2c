-- SPDX-License-Identifier: Apache-2.0

-- Names of files.

local path_sep = package.config:sub(1, 1);
local paths = {};

function paths.resolve_relative_path(parent_path, path)
	if path then
		parent_path = parent_path:gsub("%" .. path_sep .. "+$", "");
		path = path:gsub("^%.%" .. path_sep .. "+", "");
		if path:sub(1, 1) == path_sep then return path; end
		if parent_path == "" then parent_path = "."; end
		return parent_path .. path_sep .. path;
	end
	return path;
end

-- glob_to_pattern makes a pattern of Lua of one of the shell.
function paths.glob_to_pattern(glob)
	return "^" .. glob:gsub("[%p*?]", function (c)
		if c == "*" then return ".*"; end
		if c == "?" then return "."; end
		return "%" .. c;
	end) .. "$";
end

function paths.join(first, ...)
	local n = select("#", ...);
	if n == 0 then return first; end
	return table.concat({ first, ... }, path_sep);
end

function paths.complement_lua_path(installer_plugin_path)
	local version = _VERSION:match("(%d+%.%d+)$");
	local lua_path = paths.join(installer_plugin_path, "share", "lua", version, "?.lua");
	if not (";" .. package.path .. ";"):find(";" .. lua_path .. ";", 1, true) then
		package.path = package.path .. ";" .. lua_path;
	end
end

return paths;
