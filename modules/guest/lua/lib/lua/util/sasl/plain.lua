-- SPDX-License-Identifier: Apache-2.0

-- PLAIN (RFC 4616).

local saslprep = require "util.encodings".stringprep.saslprep;
local nodeprep = require "util.encodings".stringprep.nodeprep;
local equals = require "util.hashes".equals;

local not_authorized = "Unable to authorize you with the authentication credentials you've sent.";

local function plain(self, message)
	if not message then return "failure", "malformed-request"; end
	local authzid, username, password = message:match("^([^%z]*)%z([^%z]+)%z([^%z]+)$");
	if not authzid then return "failure", "malformed-request"; end
	username, password = saslprep(username), saslprep(password);
	if not username or username == "" then return "failure", "malformed-request", "Invalid username or password."; end
	if not password or password == "" then return "failure", "malformed-request", "Invalid password."; end
	username = nodeprep(username);
	if not username or username == "" then return "failure", "malformed-request", "Invalid username or password."; end
	local correct, state;
	if self.profile.plain_test then
		correct, state = self.profile.plain_test(self, username, password, self.realm);
	else
		local known;
		known, state = self.profile.plain(self, username, self.realm);
		correct = type(known) == "string" and equals(known, password);
	end
	self.username = username;
	if state == false then return "failure", "account-disabled"; end
	if state == nil or not correct then return "failure", "not-authorized", not_authorized; end
	return "success";
end

return {
	init = function (register)
		register("PLAIN", { "plain", "plain_test" }, plain);
	end;
};
