-- SPDX-License-Identifier: Apache-2.0

-- JSON pointers (RFC 6901).

local function unescape(token)
	return (token:gsub("~1", "/"):gsub("~0", "~"));
end

local function resolve(value, path)
	if path == "" then return value; end
	for token in path:gmatch("/([^/]*)") do
		token = unescape(token);
		if type(value) ~= "table" then return nil; end
		local below = value[token];
		if below == nil and tonumber(token) then below = value[tonumber(token) + 1]; end
		if below == nil then return nil; end
		value = below;
	end
	return value;
end

return { resolve = resolve };
