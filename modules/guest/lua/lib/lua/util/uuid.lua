-- SPDX-License-Identifier: Apache-2.0

-- Random UUIDs (RFC 9562, version 4).

local random_bytes = require "util.random".bytes;
local to_hex = require "util.hex".encode;

local function get_nibbles(n)
	return to_hex(random_bytes(math.ceil(n / 2))):sub(1, n);
end

local variants = { "8", "9", "a", "b" };

local function generate()
	return ("%s-%s-4%s-%s%s-%s"):format(
		get_nibbles(8), get_nibbles(4), get_nibbles(3),
		variants[random_bytes(1):byte() % 4 + 1], get_nibbles(3), get_nibbles(12));
end

return { generate = generate, get_nibbles = get_nibbles, seed = function () end };
