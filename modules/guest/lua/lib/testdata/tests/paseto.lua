-- SPDX-License-Identifier: Apache-2.0
local p = require "util.paseto".v3_local;
local key = ("k"):rep(32);
local token = p.encrypt({ sub = "juliet", n = 5 }, key, "foot");
eq(token:sub(1, 9), "v3.local.", "header");
eq(p.decrypt(token, key, "foot"), { sub = "juliet", n = 5 }, "there and back");
eq(select(2, p.decrypt(token, key, "other")), "invalid-footer", "footer");
eq(select(2, p.decrypt(token, ("x"):rep(32), "foot")), "signature-mismatch", "key");
eq(select(2, p.decrypt("v3.local.AAAA", key)), "invalid-token-format", "short");
eq(select(2, p.decrypt("v2.local.AAAA", key)), "invalid-token-format", "version");
eq(select(2, p.decrypt(token:sub(1, 30) .. "A" .. token:sub(32), key, "foot")) ~= nil, true, "changed");
local sign, verify = p.init(p.new_key());
eq(verify(sign { a = 1 }), { a = 1 }, "init");
fails(p.encrypt, {}, "short");
-- the first vector of the specification's test suite, encrypted
local vector = "v3.local.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADbfcIURX_0pVZVU1mAESUzrKZAsRm2EsD6yBoZYn6cpVZNzSJOhSDN-sRaWjfLU-yn9OJH1J_B8GKtOQ9gSQlb8yk9Iza7teRdkiR89ZFyvPPsVjjFiepFUVcMa-LP18zV77f_crJrVXWa5PDNRkCSeHfBBeg";
eq(p.decrypt(vector, require "util.hex".decode("707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f")),
	{ data = "this is a secret message", exp = "2022-01-01T00:00:00+00:00" }, "vector 3-E-1");
