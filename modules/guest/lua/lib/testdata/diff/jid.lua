-- SPDX-License-Identifier: Apache-2.0
-- Strings that are prepared by RFC 7622 here and by RFC 6122 there are the
-- ones that both treat alike.
local jid = require "util.jid";
for _, s in ipairs { "a@b/c", "b", "a@b", "b/c", "", "@b", "a@", "a@b/", "/c", "a@b/c@d/e", "A@B.Example/R", "\195\188@\195\188.example", "x@[::1]/r",
	"a@b/c d", "a b@c", "a'@b", "a@b/\0", "@/", "a@@b", "/", "a@b//", "\195\156@x" } do
	P(s); T(jid.split, s); T(jid.bare, s); T(jid.prep, s); T(jid.prepped_split, s); P(jid.node(s)); P((jid.host(s))); P((jid.resource(s)));
end
T(jid.split, nil); T(jid.bare, nil); T(jid.prep, nil); T(jid.node, nil);
T(jid.join, "a", "b", "c"); T(jid.join, nil, "b", "c"); T(jid.join, "a", "b"); T(jid.join, nil, "b"); T(jid.join, nil, nil, "c");
T(jid.join, "a", nil, "c"); T(jid.join);
for _, p in ipairs { { "a@b/c", "b" }, { "a@b/c", "a@b" }, { "a@b/c", "b/c" }, { "a@b/c", "a@b/c" }, { "a@b/c", "x@b" }, { "b", "a@b" },
	{ "a@b/c", "b/d" }, { "b/c", "b/c" } } do
	T(jid.compare, p[1], p[2]);
end
P(jid.escape("a b\"&'/:<>@\\x\\20")); P(jid.unescape("a\\20b\\22\\26\\27\\2f\\3a\\3c\\3e\\40\\5c")); T(jid.escape, nil); T(jid.unescape, nil);
P(jid.unescape("\\41\\5c20\\2"));
