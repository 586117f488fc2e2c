-- SPDX-License-Identifier: Apache-2.0

-- Identifiers of random bits, safe in URLs.

local random_bytes = require "util.random".bytes;
local encode = require "util.encodings".base64.encode;
local url_safe = { ["+"] = "-", ["/"] = "_", ["="] = "" };

local function custom(n)
	return (encode(random_bytes(n)):gsub("[+/=]", url_safe));
end

local function of(n)
	return function () return custom(n); end;
end

return {
	tiny = of(3);
	short = of(9);
	medium = of(18);
	long = of(27);
	custom = function (n) return of(n); end;
};
