-- SPDX-License-Identifier: Apache-2.0

-- Requests to other servers: net.http of Prosody 0.12.

local native = ...;

local base64 = require "util.encodings".base64.encode;
local errors = require "util.error";
local http_errors = require "net.http.errors";
local new_events = require "util.events".new;
local new_id = require "util.id".short;
local promise = require "util.promise";
local url = require "socket.url";
local util_http = require "util.http";
local log = require "util.logger".init("http");

local tostring, pairs, xpcall, traceback = tostring, pairs, xpcall, debug.traceback;

-- prepare fills in what the options of a request say.
local function prepare(self, req, options)
	local port = req.port;
	if port == (req.scheme == "https" and "443" or "80") then port = nil; end
	local host = req.host:find(":", 1, true) and "[" .. req.host .. "]" or req.host;
	local headers = { ["Host"] = host .. (port and ":" .. port or ""); ["User-Agent"] = native.agent; };
	if req.userinfo then headers["Authorization"] = "Basic " .. base64(req.userinfo); end
	local context = self.options and self.options.sslctx;
	if options then
		req.body, req.method = options.body, options.method;
		if req.body then
			req.method = req.method or "POST";
			headers["Content-Type"] = "application/x-www-form-urlencoded";
		end
		for name, value in pairs(options.headers or {}) do headers[name] = value; end
		req.insecure, req.onlystatus = options.insecure, options.onlystatus;
		req.suppress_errors, req.streaming_handler = options.suppress_errors, options.streaming_handler;
		context = options.sslctx or context;
	end
	req.insecure = req.insecure or type(context) == "table" and context.verify == "none" or nil;
	req.headers = headers;
end

-- finisher returns the function that is called once, with what came of a
-- request.
local function finisher(self, req, callback)
	local done = false;
	return function (content, code, response)
		if done then return; end
		done = true;
		if code == 0 then
			response = req;
			self.events.fire_event("request-connection-error", { http = self; request = req; url = req.url; err = content });
		end
		local event = {
			http = self; url = req.url; request = req; response = response;
			content = content; code = code; callback = callback;
		};
		self.events.fire_event("response", event);
		log("debug", "Request '%s': status %s", req.id, code);
		local ok, err = xpcall(callback, traceback, event.content, event.code, event.response, req);
		if not ok then log("error", "Request '%s': error in callback: %s", req.id, err); end
	end;
end

local function request(self, address, options, callback)
	local req = url.parse(address);
	if not (req and req.host) then
		callback("invalid-url", 0, req);
		return nil, "invalid-url";
	end
	req.url, req.http, req.time, req.path = address, self, os.time(), req.path or "/";
	req.id = options and options.id or new_id();
	local event = { http = self; url = address; request = req; options = options; callback = callback };
	local result = self.events.fire_event("pre-request", event);
	if result then return result; end
	req, options, callback = event.request, event.options, event.callback;
	prepare(self, req, options);
	log("debug", "Request '%s': %s %s", req.id, req.method or "GET", options and options.suppress_url and req.host or event.url);

	local finish, finalize = finisher(self, req, callback), nil;
	local stream = req.streaming_handler and function (response)
		local sink;
		sink, finalize = req.streaming_handler(response);
		return sink;
	end;
	local stop = native.start(req, function (content, code, response)
		if finalize and code ~= 0 then finalize(response); end
		finish(content, code, response);
	end, stream);
	req.callback = finish;
	function req.destroy() finish = function () end; stop(); end
	function req.cancel(_, reason)
		local tell = finish;
		req.destroy();
		tell(reason or "cancelled", 0);
	end
	self.events.fire_event("request", { http = self; request = req; url = event.url });
	return req;
end

-- known returns the error that a reason stands for.
local function known(reason, context)
	if http_errors.registry[reason] then return http_errors.new(reason, nil, context); end
	return errors.new({
		type = "wait"; condition = "remote-server-timeout"; text = tostring(reason); code = 0;
	}, context, nil, "http");
end

local function promised(self, address, options)
	return promise.new(function (resolve, reject)
		request(self, address, options, function (content, code, response, req)
			if code == 0 then
				reject(known(content, { request = response }));
				return;
			end
			response.request = req;
			resolve(response);
		end);
	end);
end

-- new makes a client with options of its own; its new makes one that inherits
-- them.
local function new(options)
	local client = { options = options; events = new_events() };
	function client:request(address, ex, callback)
		if callback then return request(self, address, ex, callback); end
		return promised(self, address, ex);
	end
	function client.new(more)
		local all = {};
		for k, v in pairs(options or {}) do all[k] = v; end
		for k, v in pairs(more or {}) do all[k] = v; end
		return new(all);
	end
	return client;
end

local default = new({ suppress_errors = true });

return {
	request = function (address, ex, callback) return default:request(address, ex, callback); end;
	default = default;
	new = new;
	events = default.events;
	urlencode = util_http.urlencode;
	urldecode = util_http.urldecode;
	formencode = util_http.formencode;
	formdecode = util_http.formdecode;
	destroy_request = function (req) if req.destroy then req.destroy(); end end;
	features = { sni = true };
};
