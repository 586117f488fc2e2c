-- SPDX-License-Identifier: Apache-2.0
local sasl = require "util.sasl"; local b64 = require "util.encodings".base64; local hashes = require "util.hashes";
local function names(t) local n = {}; for k in pairs(t) do n[#n + 1] = k end table.sort(n); P(n); end
local function new(profile) return sasl.new("realm", profile); end
names(new({ plain_test = 1 }):mechanisms()); names(new({ plain = 1 }):mechanisms()); names(new({ anonymous = 1 }):mechanisms());
names(new({ external = 1 }):mechanisms()); names(new({ scram_sha_1 = 1, scram_sha_256 = 1 }):mechanisms()); names(new({ plain = 1, cb = { ["tls-unique"] = 1 } }):mechanisms());
local function plain(message, test)
	local s = new { plain_test = test };
	P(s:select("PLAIN"));
	P(s:process(message)); P(s.username, s.selected);
end
local function yes(_, u, p) return u == "user" and p == "pencil", true end
plain("\0user\0pencil", yes); plain("x\0user\0pencil", yes); plain("\0user\0wrong", yes); plain("\0user\0", yes); plain("junk", yes); plain("", yes); plain("\0\0\0", yes);
plain("\0user\0pencil", function () return true, false end); plain("\0user\0pencil", function () return false, nil end); plain("\0\255\0x", yes);
P(new({ plain_test = yes }):select("NOPE"));
local s = new { plain_test = yes }; P(s:clean_clone().selected, s:clean_clone():select("PLAIN"));
s = new { anonymous = function () return true end }; P(s:select("ANONYMOUS")); P((s:process("x"))); P(type(s.username));
s = new { external = function () return "user", true end }; s:select("EXTERNAL"); P(s:process("")); P(s.username);
s = new { external = function () return nil, nil end }; s:select("EXTERNAL"); P(s:process("x"));
-- SCRAM, played by a client
local function scram(name, hash, hmac, derive, profile, password, tamper)
	s = new(profile);
	P(name, s:select(name));
	local bare = "n=user,r=clientnonce";
	local status, challenge = s:process("n,," .. bare);
	if status ~= "challenge" then P(status, challenge); return end
	local nonce, salt, iterations = challenge:match("^r=([^,]+),s=([^,]+),i=(%d+)");
	P(status, nonce:sub(1, 11), #nonce > 20, iterations);
	local salted = derive(password, b64.decode(salt), tonumber(iterations));
	local without = "c=" .. b64.encode("n,,") .. ",r=" .. (tamper or nonce);
	local signed = bare .. "," .. challenge .. "," .. without;
	local key = hmac(salted, "Client Key");
	local proof = require "util.strbitop".sxor(key, hmac(hash(key), signed));
	local ok, final, text = s:process(without .. ",p=" .. b64.encode(proof));
	P(ok, ok == "success" and final == "v=" .. b64.encode(hmac(hmac(salted, "Server Key"), signed)) or final, text); P(s.username);
end
local h1, m1, d1 = hashes.sha1, hashes.hmac_sha1, hashes.pbkdf2_hmac_sha1;
local h2, m2, d2 = hashes.sha256, hashes.hmac_sha256, hashes.pbkdf2_hmac_sha256;
local known = { plain = function (_, u) return u == "user" and "pencil" or nil, u == "user" or nil end };
scram("SCRAM-SHA-1", h1, m1, d1, known, "pencil"); scram("SCRAM-SHA-256", h2, m2, d2, known, "pencil"); scram("SCRAM-SHA-1", h1, m1, d1, known, "wrong");
scram("SCRAM-SHA-1", h1, m1, d1, known, "pencil", "othernonce"); scram("SCRAM-SHA-1", h1, m1, d1, { plain = function () return nil, nil end }, "pencil");
scram("SCRAM-SHA-1", h1, m1, d1, { plain = function () return "x", false end }, "pencil");
local ok, stored, server = require "util.sasl.scram".getAuthenticationDatabaseSHA1("pencil", "salty", 4096); P(ok, stored, server);
scram("SCRAM-SHA-1", h1, m1, d1, { scram_sha_1 = function () return stored, server, 4096, "salty", true end }, "pencil");

for _, m in ipairs { "", "junk", "n,,n=user", "y,,n=user,r=x", "n,,n=us=2Cer,r=x", "n,,n=us=er,r=x", "n,,n=,r=x" } do
	s = new(known); s:select("SCRAM-SHA-1"); P(m, (s:process(m)));
end
