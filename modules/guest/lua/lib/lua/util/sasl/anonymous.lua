-- SPDX-License-Identifier: Apache-2.0

-- ANONYMOUS (RFC 4505).

local random_name = require "util.id".medium;

local function anonymous(self)
	local username;
	repeat
		username = random_name():lower();
	until self.profile.anonymous(self, username, self.realm);
	self.username = username;
	return "success";
end

return {
	init = function (register)
		register("ANONYMOUS", { "anonymous" }, anonymous);
	end;
};
