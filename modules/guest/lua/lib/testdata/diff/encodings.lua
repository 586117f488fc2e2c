-- SPDX-License-Identifier: Apache-2.0
local e = require "util.encodings";
for _, s in ipairs { "Zm9v", "Zm9", "Zg==", "Z m 9 v\n", "!!!!", "Zm9v=", "", "Zg==Zg==", "Zg=", "Z", "Zg", "Zm_-", "====", "Zm8=" } do
	T(e.base64.decode, s);
end
for n = 0, 5 do P(e.base64.encode(("\255\0z"):rep(2):sub(1, n))); end
T(e.base64.encode, nil); T(e.base64.decode, nil);
for _, f in ipairs { "nodeprep", "resourceprep", "saslprep" } do
	for _, s in ipairs { "Abc", "\255", "a\0b", "a.b", "\195\164", "" } do P(f, s, e.stringprep[f](s)); end
end
P(e.stringprep.nodeprep("a b"), e.stringprep.nodeprep("a@b"), e.stringprep.resourceprep("a b"), e.stringprep.nameprep("Example.ORG"));
P(e.stringprep.saslprep("a\194\160b"), e.stringprep.saslprep("I\194\173X"), e.stringprep.saslprep("\226\133\168"));
T(e.stringprep.nodeprep, nil);
P(e.idna.to_ascii("b\195\188cher.example")); P(e.idna.to_unicode("xn--bcher-kva.example")); P(e.idna.to_ascii("B\195\156CHER.Example"));
P(e.idna.to_unicode("XN--BCHER-KVA.example")); P(e.idna.to_ascii("a..b")); P(e.idna.to_ascii("a_b.c")); P(e.idna.to_ascii("-a.c"));
P(e.idna.to_ascii("\230\151\165\230\156\172\232\170\158.jp")); P(e.idna.to_ascii("example.org"));
P(e.idna.to_ascii("\208\191\209\128\208\184\208\188\208\181\209\128.\209\128\209\132"));
T(e.utf8.valid, "\195\169"); T(e.utf8.valid, "\255"); T(e.utf8.length, "\255"); T(e.utf8.valid, "\237\160\128");
T(e.utf8.length, "");
P(e.confusable.skeleton("p\208\176ypal"), e.confusable.skeleton("rn"), e.confusable.skeleton("abc1lI0O"), e.confusable.skeleton("\255"));
local h = require "util.hashes";
for _, f in ipairs { "sha1", "sha224", "sha256", "sha384", "sha512", "md5" } do P(h[f]("a")); P(h[f]("", true)); end
for _, f in ipairs { "hmac_sha1", "hmac_sha256", "hmac_sha512", "hmac_md5" } do P(h[f]("k", "m")); P(h[f](("k"):rep(200), "", true)); end
P(h.scram_Hi_sha1("p", "s", 10)); P(h.pbkdf2_hmac_sha1("p", "s", 10)); P(h.pbkdf2_hmac_sha256("p", "s", 4096)); T(h.pbkdf2_hmac_sha1, "p", "s", 0);
P(h.equals("a", "a"), h.equals("a", "b"), h.equals("a", "ab"), h.equals("", "")); T(h.sha1, nil); T(h.equals, nil, "a"); T(h.sha256, 5);
local hm = require "util.hmac"; P(hm.sha1("k", "m", true)); P(hm.sha256("k", "m")); P(hm.md5("k", "m"));
local hx = require "util.hex"; P(hx.to("aZ\0\255"), hx.from("615A"), hx.from("61 5a"), hx.encode("\255"), hx.decode("ff00"), hx.from("zz"), hx.from("6"));
local id = require "util.id"; P(#id.tiny(), #id.short(), #id.medium(), #id.long(), #id.custom(5)(), id.long():find("[^%w_-]"));
local u = require "util.uuid"; P((u.generate():gsub("%x", "x")), u.generate():sub(15, 15), u.generate():sub(20, 20):match("[89ab]") ~= nil);
P(u.get_nibbles(7):match("^%x+$") ~= nil, #u.get_nibbles(7)); P(u.generate() ~= u.generate());
local r = require "util.random"; P(#r.bytes(5), #r.bytes(0));
