-- SPDX-License-Identifier: Apache-2.0

-- EXTERNAL (RFC 4422, appendix A).

local saslprep = require "util.encodings".stringprep.saslprep;

local function external(self, message)
	message = saslprep(message);
	local state;
	self.username, state = self.profile.external(message);
	if state == false then return "failure", "account-disabled"; end
	if state == nil then return "failure", "not-authorized"; end
	if state == "expired" then return "failure", "credentials-expired"; end
	return "success";
end

return {
	init = function (register)
		register("EXTERNAL", { "external" }, external);
	end;
};
