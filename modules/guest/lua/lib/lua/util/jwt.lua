-- SPDX-License-Identifier: Apache-2.0

-- JSON Web Tokens (RFC 7519), signed with HMAC.

local json = require "util.json";
local hashes = require "util.hashes";
local base64 = require "util.encodings".base64;

local to_url = { ["+"] = "-", ["/"] = "_", ["="] = "" };
local from_url = { ["-"] = "+", ["_"] = "/" };

local function encode(bytes) return (base64.encode(bytes):gsub("[+/=]", to_url)); end
local function decode(text)
	if #text % 4 ~= 0 then text = text .. ("="):rep(4 - #text % 4); end
	return base64.decode((text:gsub("[-_]", from_url)));
end

local macs = { HS256 = hashes.hmac_sha256, HS384 = hashes.hmac_sha384, HS512 = hashes.hmac_sha512 };

local function sign_with(algorithm, key, payload)
	local signed = encode('{"alg":"' .. algorithm .. '","typ":"JWT"}') .. "." .. encode(json.encode(payload));
	return signed .. "." .. encode(macs[algorithm](key, signed));
end

-- verify_with returns true and the payload, or false or nil and what is wrong.
local function verify_with(algorithm, key, token)
	local head, body, signature = token:match("^([^.]+)%.([^.]+)%.([^.]+)$");
	if not head then return nil, "invalid-encoding"; end
	local header = json.decode(decode(head) or "");
	if type(header) ~= "table" then return nil, "invalid-header"; end
	if header.alg ~= algorithm then return nil, "unsupported-algorithm"; end
	if header.typ ~= nil and header.typ ~= "JWT" then return nil, "invalid-type"; end
	if not hashes.equals(decode(signature) or "", macs[algorithm](key, head .. "." .. body)) then
		return false, "signature-mismatch";
	end
	local payload, err = json.decode(decode(body) or "");
	if err ~= nil then return nil, "json-decode-error"; end
	return true, payload;
end

local function sign(key, payload) return sign_with("HS256", key, payload); end
local function verify(key, token) return verify_with("HS256", key, token); end

-- init returns a function that signs and one that verifies, which also looks
-- at "exp" and "nbf" and sets "iat" and "exp".
local function init(algorithm, key, verify_key, options)
	if not macs[algorithm] then error("unsupported JWT algorithm: " .. tostring(algorithm), 2); end
	if type(verify_key) == "table" then options, verify_key = verify_key, nil; end
	options = options or {};
	local function signer(claims)
		local payload = {};
		for name, value in pairs(claims) do payload[name] = value; end
		local now = os.time();
		if payload.iat == nil then payload.iat = now; end
		if payload.exp == nil then payload.exp = now + (options.default_ttl or 3600); end
		return sign_with(algorithm, key, payload);
	end
	local function verifier(token)
		local ok, payload = verify_with(algorithm, verify_key or key, token);
		if not ok then return ok, payload; end
		local now = os.time();
		if type(payload) == "table" and not options.accept_expired then
			if type(payload.exp) == "number" and payload.exp <= now then return nil, "token-expired"; end
			if type(payload.nbf) == "number" and payload.nbf > now then return nil, "token-not-yet-valid"; end
		end
		return true, payload;
	end
	return signer, verifier;
end

return {
	sign = sign;
	verify = verify;
	init = init;
	new_signer = function (algorithm, key, options) return (init(algorithm, key, nil, options)); end;
	new_verifier = function (algorithm, key, options) return (select(2, init(algorithm, key, nil, options))); end;
	_algorithms = macs;
};
