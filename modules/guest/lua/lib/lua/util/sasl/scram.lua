-- SPDX-License-Identifier: Apache-2.0

-- SCRAM (RFC 5802, RFC 7677), with and without channel binding.

local base64 = require "util.encodings".base64;
local hashes = require "util.hashes";
local saslprep = require "util.encodings".stringprep.saslprep;
local nodeprep = require "util.encodings".stringprep.nodeprep;
local sxor = require "util.strbitop".sxor;
local id = require "util.id";

local default_iterations = 10000;

-- get_scram_hasher makes stored key and server key of a password.
local function hasher(hash, hmac, derive)
	return function (password, salt, iterations)
		if type(password) ~= "string" or type(salt) ~= "string" or type(iterations) ~= "number" then
			return false, "inappropriate argument types";
		end
		if iterations < 4096 then
			require "util.logger".init("sasl")("warn", "Iteration count < 4096 which is the suggested minimum according to RFC 5802.");
		end
		local salted = derive(password, salt, iterations);
		return true, hash(hmac(salted, "Client Key")), hmac(salted, "Server Key");
	end;
end

local hashers = {
	["SHA-1"] = hasher(hashes.sha1, hashes.hmac_sha1, hashes.pbkdf2_hmac_sha1);
	["SHA-256"] = hasher(hashes.sha256, hashes.hmac_sha256, hashes.pbkdf2_hmac_sha256);
};

local function get_hash(name) return hashers[name]; end

-- prepare_username undoes the escapes of RFC 5802 section 5.1.
local function prepare_username(username)
	for escape in username:gmatch("=(.?.?)") do
		if escape ~= "2C" and escape ~= "3D" then return false; end
	end
	username = saslprep((username:gsub("=2C", ","):gsub("=3D", "=")));
	if not username or username == "" then return false; end
	return nodeprep(username);
end

-- credentials asks the profile for keys; from a password it makes them.
local function credentials(self, username, name, make_keys)
	local field = "scram_" .. name:gsub("-", "_"):lower();
	local state, stored_key, server_key, iterations, salt;
	if self.profile.plain then
		local password;
		password, state = self.profile.plain(self, username, self.realm);
		if state == nil then return nil; end
		if type(password) == "string" then
			password = saslprep(password);
			if not password then return nil; end
			salt, iterations = id.medium(), default_iterations;
			local ok;
			ok, stored_key, server_key = make_keys(password, salt, iterations);
			if not ok then return nil; end
		end
	elseif self.profile[field] then
		stored_key, server_key, iterations, salt, state = self.profile[field](self, username, self.realm);
		if state == nil then return nil; end
	end
	return state, stored_key, server_key, iterations, salt;
end

local function first(self, message, name, make_keys, plus)
	local gs2_flag, authzid, bare, username, nonce = message:match("^([nyp][^,]*),(.-),(n=([^,]+),r=([^,]+).*)$");
	if not gs2_flag then return "failure", "malformed-request", "Missing a (user)name or nonce."; end
	if bare:find("^m=") or message:find("^[^,]*,[^,]*,m=") then return "failure", "malformed-request"; end
	local binding = gs2_flag:match("^p=(.+)$");
	if plus and not (binding and self.profile.cb and self.profile.cb[binding]) then
		return "failure", "malformed-request", "Proposed channel binding type isn't supported.";
	end
	if not plus and (binding or gs2_flag == "y" and self.profile.cb and next(self.profile.cb)) then
		return "failure", "malformed-request"; -- somebody hid the mechanisms that bind
	end
	username = prepare_username(username);
	if not username then return "failure", "malformed-request", "Invalid username."; end
	self.username = username;
	local state, stored_key, server_key, iterations, salt = credentials(self, username, name, make_keys);
	if state == nil then return "failure", "not-authorized"; end
	if state == false then return "failure", "account-disabled"; end
	if not stored_key then return "failure", "temporary-auth-failure"; end
	nonce = nonce .. id.long();
	local server_first = ("r=%s,s=%s,i=%d"):format(nonce, base64.encode(salt), iterations);
	self.state = {
		gs2 = gs2_flag .. "," .. authzid .. ","; binding = binding; client_first = bare; server_first = server_first; nonce = nonce;
		stored_key = stored_key; server_key = server_key;
	};
	return "challenge", server_first;
end

local function final(self, message, hash, hmac)
	local state = self.state;
	local without_proof, channel, nonce, proof = message:match("^(c=([^,]+),r=([^,]+).-),p=(.+)$");
	proof = proof and base64.decode(proof);
	channel = channel and base64.decode(channel);
	if not proof or not channel then return "failure", "malformed-request", "Missing an attribute(p, r or c) in SASL message."; end
	local expected = state.gs2;
	if state.binding then expected = expected .. (self.profile.cb[state.binding](self) or ""); end
	if not hashes.equals(channel, expected) then return "failure", "malformed-request", "Invalid channel binding value."; end
	if nonce ~= state.nonce then return "failure", "malformed-request", "Wrong nonce in client-final-message."; end
	local signed = state.client_first .. "," .. state.server_first .. "," .. without_proof;
	local signature = hmac(state.stored_key, signed);
	if #proof ~= #signature or not hashes.equals(hash(sxor(proof, signature)), state.stored_key) then
		return "failure", "not-authorized", "The response provided by the client doesn't match the one we calculated.";
	end
	return "success", "v=" .. base64.encode(hmac(state.server_key, signed));
end

local function mechanism(name, hash, hmac, plus)
	local make_keys = hashers[name];
	return function (self, message)
		if not message or message == "" then return "failure", "malformed-request"; end
		if not self.state then return first(self, message, name, make_keys, plus); end
		return final(self, message, hash, hmac);
	end;
end

local function init(register)
	for name, functions in pairs { ["SHA-1"] = { hashes.sha1, hashes.hmac_sha1 }, ["SHA-256"] = { hashes.sha256, hashes.hmac_sha256 } } do
		local field = "scram_" .. name:gsub("-", "_"):lower();
		register("SCRAM-" .. name, { "plain", field }, mechanism(name, functions[1], functions[2], false));
		register("SCRAM-" .. name .. "-PLUS", { "plain", field }, mechanism(name, functions[1], functions[2], true),
			{ "tls-unique", "tls-exporter", "tls-server-end-point" });
	end
end

-- getAuthenticationDatabaseSHA1 is the old name of the hasher of SHA-1.
return { init = init; hashers = hashers; get_hash = get_hash; getAuthenticationDatabaseSHA1 = hashers["SHA-1"] };
