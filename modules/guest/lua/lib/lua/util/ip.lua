-- SPDX-License-Identifier: Apache-2.0

-- IP addresses as objects.

local net = require "util.net";
local hex = require "util.hex";

local ip_methods = {};
local ip_mt = {};

local nibbles = {};
for n = 0, 15 do
	local bits = "";
	for i = 3, 0, -1 do bits = bits .. (math.floor(n / 2 ^ i) % 2 == 1 and "1" or "0"); end
	nibbles[("%x"):format(n)] = bits;
end

function ip_mt.__index(self, key)
	local method = ip_methods[key];
	if method == nil then return nil; end
	local value = method(self);
	rawset(self, key, value);
	return value;
end

function ip_mt.__tostring(self) return self.addr; end

function ip_mt.__eq(a, b) return a.packed == b.packed; end

local function new_ip(text, proto)
	if type(text) ~= "string" then return nil, "Invalid argument"; end
	local zone;
	if (not proto or proto == "IPv6") and text:find("%%") then
		text, zone = text:match("^(.-)%%(.*)$");
	end
	local packed = net.pton(text);
	if not packed then return nil, "Invalid argument"; end
	local kind = #packed == 16 and "IPv6" or "IPv4";
	if proto and proto ~= kind then return nil, "invalid protocol"; end
	return setmetatable({ addr = text, packed = packed, proto = kind, zone = zone }, ip_mt);
end

function ip_methods:normal() return net.ntop(self.packed); end

function ip_methods:bits()
	return (hex.encode(self.packed):gsub(".", nibbles));
end

function ip_methods:bits_full()
	if self.proto == "IPv4" then return self.toV4mapped.bits; end
	return self.bits;
end

function ip_methods:toV4mapped()
	if self.proto ~= "IPv4" then return nil, "No IPv4 address"; end
	return new_ip("::ffff:" .. self.normal);
end

local function common(a, b)
	local n, most = 0, math.min(#a, #b);
	while n < most and a:byte(n + 1) == b:byte(n + 1) do n = n + 1; end
	return n;
end

local function common_prefix_length(a, b)
	return common(a.bits_full, b.bits_full);
end

-- match reports whether an address is in a network of that many bits.
local function match(a, b, bits)
	local abits, bbits = a.bits, b.bits;
	if a.proto ~= b.proto then
		if a.proto == "IPv4" then
			abits = a.bits_full;
		else
			bbits = b.bits_full;
			bits = bits and bits + 96 or 128;
		end
	end
	if not bits then bits = #bbits; end
	return abits:sub(1, bits) == bbits:sub(1, bits);
end

-- The policy table of RFC 6724 section 2.1: prefix, precedence, label.
local policies = {
	{ "::1", 128, 50, 0 }, { "::", 96, 1, 3 }, { "::ffff:0:0", 96, 35, 4 }, { "2002::", 16, 30, 2 },
	{ "2001::", 32, 5, 5 }, { "fc00::", 7, 3, 13 }, { "fec0::", 10, 1, 11 }, { "3ffe::", 16, 1, 12 }, { "::", 0, 40, 1 },
};

local function policy_of(self)
	local bits = self.bits_full;
	for _, policy in ipairs(policies) do
		policy.bits = policy.bits or new_ip(policy[1]).bits;
		if policy.bits:sub(1, policy[2]) == bits:sub(1, policy[2]) then return policy; end
	end
end

function ip_methods:precedence() return policy_of(self)[3]; end
function ip_methods:label() return policy_of(self)[4]; end

local function within(network, bits)
	local base;
	return function (self)
		base = base or new_ip(network);
		return self.proto == base.proto and match(self, base, bits);
	end;
end

local v4_loopback, v4_link = within("127.0.0.0", 8), within("169.254.0.0", 16);
local v6_loopback, v6_link, v6_site, v6_multicast =
	within("::1", 128), within("fe80::", 10), within("fec0::", 10), within("ff00::", 8);

function ip_methods:scope()
	if self.proto == "IPv4" then
		if v4_loopback(self) or v4_link(self) then return 0x2; end
		return 0xE;
	end
	if v6_loopback(self) or v6_link(self) then return 0x2; end
	if v6_site(self) then return 0x5; end
	if v6_multicast(self) then return self.packed:byte(2) % 16; end
	return 0xE;
end

local private = {
	within("10.0.0.0", 8), within("172.16.0.0", 12), within("192.168.0.0", 16), within("169.254.0.0", 16),
	within("100.64.0.0", 10), within("127.0.0.0", 8),
};

function ip_methods:private()
	local private_scope = self.scope ~= 0xE;
	if not private_scope and self.proto == "IPv4" then
		for _, is_in in ipairs(private) do
			if is_in(self) then return true; end
		end
	end
	return private_scope;
end

-- truncate keeps the first bits of an address.
local function truncate(a, bits)
	local kept = a.bits:sub(1, bits);
	kept = kept .. ("0"):rep(#a.bits - #kept);
	return new_ip(net.ntop((kept:gsub("........", function (octet) return string.char(tonumber(octet, 2)); end))));
end

local function parse_cidr(cidr)
	local bits;
	local slash = cidr:find("/", 1, true);
	if slash then
		bits = tonumber(cidr:sub(slash + 1, -1));
		cidr = cidr:sub(1, slash - 1);
	end
	return new_ip(cidr), bits;
end

return {
	new_ip = new_ip;
	commonPrefixLength = common_prefix_length;
	parse_cidr = parse_cidr;
	match = match;
	truncate = truncate;
	is_ip = function (v) return getmetatable(v) == ip_mt; end;
};
