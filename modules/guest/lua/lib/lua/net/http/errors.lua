-- SPDX-License-Identifier: Apache-2.0

-- What can go wrong with an HTTP request, as errors.

local errors = require "util.error";
local codes = require "net.http.codes";

-- Codes whose meaning a stanza error can carry: type and condition.
local meanings = {
	[400] = { "modify", "bad-request" }; [401] = { "auth", "not-authorized" }; [402] = { "auth", "not-authorized" };
	[403] = { "auth", "forbidden" }; [404] = { "cancel", "item-not-found" }; [405] = { "cancel", "not-allowed" };
	[406] = { "modify", "not-acceptable" }; [407] = { "auth", "registration-required" };
	[408] = { "wait", "remote-server-timeout" }; [409] = { "cancel", "conflict" }; [410] = { "cancel", "gone" };
	[412] = { "cancel", "conflict" }; [413] = { "modify", "policy-violation" }; [429] = { "wait", "policy-violation" };
	[500] = { "cancel", "internal-server-error" }; [501] = { "cancel", "feature-not-implemented" };
	[502] = { "wait", "remote-server-not-found" }; [503] = { "cancel", "service-unavailable" };
	[504] = { "wait", "remote-server-timeout" }; [507] = { "wait", "resource-constraint" };
};

local registry = {};
for code = 400, 599 do
	local meaning = meanings[code];
	if meaning or rawget(codes, code) then
		registry[code] = {
			type = meaning and meaning[1] or (code < 500 and "modify" or "wait");
			condition = meaning and meaning[2] or "undefined-condition";
			text = codes[code]:match("^%d+ (.*)$"); code = code;
		};
	end
end
registry["connection-closed"] = { type = "wait"; condition = "remote-server-timeout"; code = 0; text = "Connection closed" };
registry["certificate-chain-invalid"] = {
	type = "cancel"; condition = "remote-server-not-found"; code = 0; text = "Certificate chain not trusted";
};
registry["certificate-verify-failed"] = {
	type = "cancel"; condition = "remote-server-not-found"; code = 0; text = "Certificate not valid for this host";
};
registry["connection failed"] = { type = "wait"; condition = "remote-server-not-found"; code = 0; text = "Connection failed" };
registry["invalid-url"] = { type = "modify"; condition = "bad-request"; code = 0; text = "Invalid URL" };
registry["unable to resolve service"] = {
	type = "wait"; condition = "remote-server-not-found"; code = 0; text = "DNS resolution failed";
};

local function new(code, body, context)
	if type(body) == "string" and body ~= "" then
		context = context or {};
		context.body = body;
	end
	return errors.new(code, context, registry, "http");
end

return { registry = registry, new = new };
