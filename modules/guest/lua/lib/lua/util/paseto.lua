-- SPDX-License-Identifier: Apache-2.0

-- Tokens that nobody else can read (PASETO, version 3, purpose local).

local json = require "util.json";
local random_bytes = require "util.random".bytes;
local base64 = require "util.encodings".base64;
local paseto = require "tercet.paseto";

local key_prefix = "k3.local.";

-- raw_key takes a key of 32 bytes, or one with its prefix in base64.
local function raw_key(key)
	local encoded = type(key) == "string" and key:sub(1, #key_prefix) == key_prefix and key:sub(#key_prefix + 1);
	if encoded then
		encoded = encoded:gsub("-", "+"):gsub("_", "/");
		key = base64.decode(encoded .. ("="):rep(-#encoded % 4));
	end
	if type(key) ~= "string" or #key ~= 32 then error("a PASETO key has 32 bytes", 3); end
	return key;
end

local v3_local = {};

function v3_local.encrypt(payload, key, footer, implicit)
	if type(payload) ~= "table" then return nil, "paseto: payload must be a table"; end
	return paseto.seal(json.encode(payload), raw_key(key), footer, implicit);
end

function v3_local.decrypt(token, key, expected_footer, implicit)
	local data, err = paseto.open(token, raw_key(key), expected_footer, implicit);
	if not data then return nil, err; end
	local payload = json.decode(data);
	if type(payload) ~= "table" then return nil, "json-decode-error"; end
	return payload;
end

function v3_local.new_key()
	return key_prefix .. base64.encode(random_bytes(32)):gsub("[+/=]", { ["+"] = "-", ["/"] = "_", ["="] = "" });
end

-- init returns functions that make and check tokens with one key.
function v3_local.init(key, options)
	local raw = raw_key(key);
	options = options or {};
	return function (payload)
		return v3_local.encrypt(payload, raw, options.footer, options.implicit);
	end, function (token)
		return v3_local.decrypt(token, raw, options.footer, options.implicit);
	end;
end

return { v3_local = v3_local };
