-- SPDX-License-Identifier: Apache-2.0

-- Requests that wait for their answer: ssl.https of LuaSec and socket.http of
-- LuaSocket, as far as modules use them.

local native = ...;

local base64 = require "util.encodings".base64.encode;
local url = require "socket.url";

-- gather reads all that a source of ltn12 gives.
local function gather(source)
	local parts = {};
	while true do
		local part, err = source();
		if err then return nil, err; end
		if not part then return table.concat(parts); end
		parts[#parts + 1] = part;
	end
end

-- pour gives a body to a sink of ltn12.
local function pour(sink, body)
	local ok, err = true, nil;
	if body ~= "" then ok, err = sink(body); end
	if not ok then return nil, err; end
	return sink(nil);
end

local function ask(options)
	local req = url.parse(options.url, { path = "/"; scheme = "http" });
	if not (req and req.host) then return nil, "invalid URL"; end
	local headers = { ["User-Agent"] = native.agent };
	if req.userinfo then headers["Authorization"] = "Basic " .. base64(req.userinfo); end
	for name, value in pairs(options.headers or {}) do headers[name] = value; end
	req.method, req.headers, req.insecure = options.method, headers, options.verify == "none";
	if options.source then
		local body, err = gather(options.source);
		if not body then return nil, err; end
		req.body = body;
	end
	local body, code, response = native.wait(req);
	if code == 0 then return nil, body; end
	if options.sink then
		local ok, err = pour(options.sink, body);
		if not ok then return nil, err; end
	end
	return body, code, response.headers, response.status;
end

-- request returns the body, the status, the headers and the line of the status,
-- or 1 in place of the body when it is given a table; or nil and why not.
local function request(options, body)
	if type(options) == "table" then
		local result, code, headers, status = ask(options);
		return result and 1, code, headers, status;
	end
	local simple = { url = options };
	if body then
		local given = false;
		simple.method, simple.headers = "POST", { ["Content-Type"] = "application/x-www-form-urlencoded" };
		function simple.source()
			if given then return nil; end
			given = true;
			return body;
		end
	end
	return ask(simple);
end

return { request = request; TIMEOUT = 60; PORT = 443; USERAGENT = native.agent };
