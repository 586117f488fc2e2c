-- SPDX-License-Identifier: Apache-2.0

-- OAUTHBEARER (RFC 7628).

local json = require "util.json";

local function oauthbearer(self, message)
	if not message then return "failure", "malformed-request"; end
	if message == "\1" then return "failure", "not-authorized"; end
	local gs2, fields = message:match("^(n,[^,]*,)\1(.*\1)\1$");
	local token = fields and ("\1" .. fields):match("\1auth=[Bb][Ee][Aa][Rr][Ee][Rr] +([^\1]+)\1");
	if not gs2 or not token then return "failure", "malformed-request"; end
	local username, state, token_info = self.profile.oauthbearer(self, token, self.realm, gs2:match("^n,a=([^,]*),"));
	self.username, self.token_info = username, token_info;
	if state == false then return "failure", "account-disabled"; end
	if state == nil or not username then
		-- The client learns why, answers with \1, and is refused then.
		return "challenge", json.encode { status = "invalid_token" };
	end
	return "success";
end

return {
	init = function (register)
		register("OAUTHBEARER", { "oauthbearer" }, oauthbearer);
	end;
};
