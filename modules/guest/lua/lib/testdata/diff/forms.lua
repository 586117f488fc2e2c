-- SPDX-License-Identifier: Apache-2.0
local st = require "util.stanza"; local df = require "util.dataforms";
local form = df.new { title = "T", instructions = "I", { name = "FORM_TYPE", type = "hidden", value = "urn:x" },
	{ name = "a", type = "text-single", label = "A", value = "def", required = true }, { name = "b", type = "boolean", value = true },
	{ name = "m", type = "text-multi", value = "x\ny" }, { name = "l", type = "list-single", options = { "o1", { value = "o2", label = "O2", default = true } } },
	{ name = "lm", type = "list-multi", options = { "a", { value = "b", default = true } } }, { name = "j", type = "jid-single" },
	{ name = "jm", type = "jid-multi", value = { "a@b", "c@d" } }, { name = "p", type = "text-private", desc = "D" }, { type = "fixed", value = "F" },
	{ name = "v", var = "real#var", type = "text-single" },
	{ name = "media", media = { width = 5, height = 6, { uri = "cid:x", type = "image/png" } }, type = "text-single" },
	{ name = "o", type = "list-single", value = "o2", options = { "o1", "o2" } } };
S(form:form()); S(form:form({}, "result")); S(form:form({ a = "" })); S(form:form({}, "cancel"));
local values = { a = "AA", b = false, m = "1\n2\n3", l = "o1", lm = { "b" }, j = "x@Y", jm = { "q@W" }, p = "pw", v = "V" };
S(form:form(values, "submit")); S(form:form(values, "result")); S(form:form(values)); P(form:data(form:form(values, "submit")));
local function X(...)
	local x = st.stanza("x", { xmlns = "jabber:x:data", type = "submit" });
	for _, f in ipairs { ... } do
		x:tag("field", { var = f[1], type = f.type });
		for i = 2, #f do x:text_tag("value", f[i]) end
		x:up();
	end
	return x;
end
P(form:data(X({ "a" }, { "b", "x" }, { "j", "@" }, { "jm", "@", "a@b" }, { "n", "9" }, { "unknown", "1" }))); P(form:data(X()));
P(form:data(X({ "a", "" }, { "b", "true" }, { "j", "" }, { "l", "" }, { "m" })));
P(form:data(X({ "a", "1" }, { "b", "0" }, { "lm" }, { "lm", "x", "y" }), { a = "cur", v = "curv" })); P(form:data(X({ "a", "1" }, { "o", "zzz" }), nil));
P(form:data(X({ "a", "1" }, { "m", "l1", "l2", "" }, { "real#var", "vv" }, { "jm" }, { "b", "" })));
P(df.get_type(form:form())); P(df.get_type(X())); P(df.get_type(st.stanza("x")));
local f2 = df.new { { name = "n", type = "text-single", datatype = "xs:integer", range_min = 1, range_max = 5 },
	{ name = "d", type = "text-single", datatype = "xs:dateTime" }, { name = "ps", type = "text-single", datatype = "pubsub:integer-or-max", range_max = 10 },
	{ name = "nn", datatype = "xs:integer", type = "text-single" } };
for _, v in ipairs { { n = 3 }, { n = 3, nn = 1 }, { n = 3, nn = 1, ps = 5 }, { n = 3, nn = 1, ps = "max" }, { n = 3, nn = 1, ps = 5, d = 0 } } do
	S(f2:form(v, "submit")); S(f2:form(v, "form")); S(f2:form(v, "result"));
end
P(f2:data(X({ "n", "9" }, { "d", "x" }, { "ps", "max" }, { "nn", "1.5" }))); P(f2:data(X({ "n", "0" }, { "d", "2020-01-01T00:00:00Z" }, { "ps", "7" }, { "nn", "-5" })));
P(f2:data(X({ "n", "" }, { "ps", "11" }, { "nn", "x" })));
local f3 = df.new { { name = "x", type = "list-single" }, { name = "y", type = "list-multi" },
	{ name = "z", type = "boolean" }, { name = "u" }, { name = "t", type = "text-multi", value = "a" } };
S(f3:form()); S(f3:form({ z = true, u = "1", x = "w", y = { "e" }, t = "1\n\n2" })); S(f3:form({ y = {} })); S(f3:form({ x = { "q", { value = "w", label = "W", default = true } },
	y = { { value = "w", label = "W", default = true }, { value = "e", label = "E" } } }));
P(f3:data(X({ "x", "1" }, { "z", "1" }, { "u", "2" }, { "u", "3", type = "text-single" })));

local rsm = require "util.rsm";

for _, v in ipairs { { max = 10 }, { before = true }, { before = "x" }, { first = "q" }, { first = { index = 2, "f" } }, { count = 5 }, {} } do S(rsm.generate(v)); end
P(rsm.get(st.stanza("q"):add_child(rsm.generate { max = 10, before = true, index = 3 }))); P(rsm.get(st.stanza("q")));
P(rsm.parse(rsm.generate { first = { index = 2, "f" }, last = "l", count = 5 }));
P(rsm.get(st.stanza("q"):tag("set", { xmlns = "http://jabber.org/protocol/rsm" }):text_tag("max", "x"):text_tag("before", ""):text_tag("after", "z"):reset()));
P(rsm.parse(st.stanza("set"):tag("first", { index = "5" }):text("x"):up())); P(rsm.parse(st.stanza("set"):text_tag("first", "x"):text_tag("zzz", "1")));

local caps = require "util.caps"; local info = "http://jabber.org/protocol/disco#info";
P(caps.calculate_hash(st.stanza("query", { xmlns = info }):tag("identity", { category = "client", name = "Exodus 0.9.1", type = "pc" }):up()
	:tag("feature", { var = "http://jabber.org/protocol/caps" }):up():tag("feature", { var = "http://jabber.org/protocol/disco#items" }):up()
	:tag("feature", { var = info }):up():tag("feature", { var = "http://jabber.org/protocol/muc" }):up()));
P(caps.calculate_hash(st.stanza("query", { xmlns = info }):tag("identity", { ["xml:lang"] = "en", category = "client", name = "Psi 0.11", type = "pc" }):up()
	:tag("identity", { ["xml:lang"] = "el", category = "client", name = "\206\168 0.11", type = "pc" }):up():tag("feature", { var = "a" }):up()
	:add_child(df.new { { name = "FORM_TYPE", type = "hidden", value = "urn:xmpp:dataforms:softwareinfo" },
		{ name = "ip_version", type = "text-multi", value = "ipv4\nipv6" }, { name = "os", value = "Mac" } }:form({}, "result"))));

local e = require "util.error";
local reg = e.init("src", { foo = { type = "auth", condition = "forbidden", text = "no", code = 403 } });
T(reg.new, "foo"); T(reg.new, "nope"); T(reg.new, { condition = "x" }); T(reg.coerce, nil, "foo"); T(reg.coerce, 1, "foo"); T(reg.wrap, "foo"); P(reg.source);
T(e.coerce, nil, "str"); T(e.coerce, true, "x"); T(e.coerce, nil, e.new { condition = "z" }); T(e.is_err, reg.new("foo")); T(e.is_error, {});
T(e.new, "str", { a = 1 }); T(e.new, { text = "t" }); T(e.new, { type = "wait", condition = "c", text = "t", extra = { q = 1 } }, { by = "b" }, nil, "source");
local bounced = e.from_stanza(st.error_reply(st.message { from = "a", to = "b" }, "wait", "gone", "T"):reset(), { c = 1 });
P(bounced.type, bounced.condition, bounced.text, bounced.extra, bounced.context.by, bounced.context.c, st.is_stanza(bounced.context.stanza));
bounced = e.from_stanza(st.error_reply(st.message { from = "a", to = "b" }, "wait", "conflict", "T"):tag("app", { xmlns = "n" }):reset());
P(bounced.condition, bounced.extra);
T(e.init("s2", "ns:app", { foo = { "cancel", "conflict", "text", "app-cond" } }).new, "foo"); P(tostring(reg.new("foo")));
T(e.init("s3", { foo = { "cancel", "conflict", "text" } }).new, "foo"); T(e.init("s4", { { code = 1, type = "x" } }).new, 1);
local many = st.stanza("query", { xmlns = info }):text("white"):tag("feature", { var = "b" }):up():tag("feature", { var = "a-b" }):up():tag("feature", { var = "a" }):up():tag("feature"):up()
	:tag("identity", { category = "a", type = "b" }):up():tag("identity", { category = "a-b", type = "a" }):up():tag("identity", { category = "a" }):up()
	:tag("x", { xmlns = "jabber:x:data", type = "result" }):tag("field", { var = "FORM_TYPE" }):text_tag("value", "urn:t"):up()
		:tag("field", { var = "a-b" }):text_tag("value", "2"):text_tag("value", "1"):up():tag("field", { var = "a" }):text_tag("value", "z"):up():tag("field", { var = "none" }):up():tag("field"):up():up()
	:tag("x", { xmlns = "jabber:x:data", type = "result" }):tag("field", { var = "alone" }):text_tag("value", "z"):up():up():tag("other"):up();
P(caps.calculate_hash(many)); P(caps.calculate_hash(many.tags)); P(caps.calculate_hash({}));
