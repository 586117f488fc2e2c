-- SPDX-License-Identifier: Apache-2.0
local ssl = require "ssl";
local pem = certificate; -- set by the test: CN=example.org, names example.org and *.wild.example
local c = assert(ssl.loadcertificate(pem));
eq(c:pem(), pem, "pem");
eq(c:subject()[1], { oid = "2.5.4.3", name = "commonName", value = "example.org" }, "subject");
eq(c:issuer()[1].value, "example.org", "issuer");
eq(#c:digest(), 40, "sha1"); eq(#c:digest("sha256"), 64, "sha256"); eq(c:digest("md4"), nil, "md4");
eq(c:validat(os.time()), true, "valid"); eq(c:validat(0), false, "not valid in 1970");
eq(c:notafter():match("^%a%a%a [%d ]%d %d%d:%d%d:%d%d %d%d%d%d GMT$") ~= nil, true, "notafter");
eq(c:extensions()["2.5.29.17"].dNSName, { "example.org", "*.wild.example" }, "names");
eq(c:extensions()["2.5.29.17"].iPAddress, { "192.0.2.1" }, "addresses");
eq(select(2, c:pubkey()), "EC", "key"); eq(c:issued(c), true, "self-signed");
eq({ ssl.loadcertificate("junk") }, { nil, "no PEM data" }, "junk");
fails(c.digest, nil);
local x509 = require "util.x509";
for host, want in pairs { ["example.org"] = true, ["EXAMPLE.org"] = true, ["a.wild.example"] = true, ["a.b.wild.example"] = false, ["wild.example"] = false,
	["other.org"] = false } do
	eq(x509.verify_identity(host, "_xmpp-client", c), want, host);
end
eq(x509.get_identities(c), { ["example.org"] = { ["*"] = true }, ["*.wild.example"] = { ["*"] = true } }, "identities");
eq(x509.pem2der(x509.der2pem(("x"):rep(100))), ("x"):rep(100), "der");
eq(ssl.newcontext {}, nil, "no contexts");
-- names that RFC 6120 13.7.1.2 adds, as a certificate would have them
local fake = { extensions = function () return { ["2.5.29.17"] = { ["1.3.6.1.5.5.7.8.5"] = { "im.example" }, ["1.3.6.1.5.5.7.8.7"] = { "_xmpp-server.srv.example" } } } end,
	subject = function () return { { oid = "2.5.4.3", value = "cn.example" } } end };
eq(x509.verify_identity("im.example", "_xmpp-server", fake), true, "xmppAddr");
eq(x509.verify_identity("srv.example", "_xmpp-server", fake), true, "SRVName");
eq(x509.verify_identity("srv.example", "_xmpp-client", fake), false, "another service");
eq(x509.verify_identity("cn.example", nil, fake), false, "the common name does not count beside others");
