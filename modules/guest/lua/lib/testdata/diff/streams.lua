-- SPDX-License-Identifier: Apache-2.0
local xm = require "util.xmppstream"; local st = require "util.stanza";
P(xm.ns_pattern, xm.ns_separator);
local session = {};
local function log(name) return function (_, a, b) P(name, a, b) end end
local callbacks = { stream_ns = "http://etherx.jabber.org/streams", stream_tag = "stream", default_ns = "jabber:client",
	streamopened = function (s, a) P("open", a.to, a["xml:lang"]); s.notopen = nil end, streamclosed = log "closed",
	handlestanza = function (_, x) S(x) end, error = function (_, e, d) P("error", e, st.is_stanza(d) and tostring(d.tags[1]) or type(d)) end };
local head = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='x' xml:lang='en'>";
local function play(limit, ...)
	session.notopen = true;
	local x = xm.new(session, callbacks, limit);
	for _, chunk in ipairs { ... } do P((x:feed(chunk)) and true); end
	print("--");
	return x;
end
play(nil, head, "<message to='a'><body>hi &amp; ho</body><x xmlns='y' z:q='1' xmlns:z='zz'><b/><c xmlns='jabber:client'/></x></message><iq", " type='get'/>");
play(nil, head, "<stream:features><a xmlns='q'/></stream:features>", "<presence/>", "</stream:stream>");
play(nil, head, "<stream:error><x xmlns='q'/></stream:error></stream:stream>"); play(nil, "<a/>"); play(nil, head, "<!-- c -->"); play(nil, head, "<?pi x?>");
play(nil, head, "text<message><body>a", "b</body></message>"); play(nil, head, "<other/>"); play(nil, head, "<a></b>");
play(200, head, "<message><body>" .. ("x"):rep(300) .. "</body></message>"); play(400, head, "<message/>", "<message/>", ("<presence/>"):rep(100));
local x = play(nil, head, "<message>"); session.notopen = true; x:reset(); P((x:feed(head)) and true); P((x:feed("<iq/>")) and true); x:set_session({ notopen = true });
P((x:feed("<presence to='q'/>")) and true);
-- smaller things
local j = require "util.jsonpointer";
P(j.resolve({ a = { b = { 1, 2 } } }, "/a/b/0"), j.resolve({ a = 1 }, "/x"), j.resolve({ ["a/b"] = 2 }, "/a~1b"), j.resolve({ ["m~n"] = 3 }, "/m~0n"));
local c = require "util.sslconfig".new(); c:apply { options = { "a" }, verify = "peer", ciphers = { "X", "Y" }, protocol = "tlsv1_2+" };
c:apply { options = { b = true, a = false }, dhparam = "x", curve = "c" }; P(c:final());
local sm = require "util.smqueue".new(3); sm:push("a"); sm:push("b"); sm:push("c"); sm:push("d");
P(sm:count_unacked(), sm:count_acked(), sm:resumable()); P(sm:ack(2)); P(sm:resumable()); L(sm:resume()); P(sm:table()); P(sm:ack(9)); P(sm:ack(1));
local pr = require "util.presence";
P(#pr.select_top_resources { sessions = { a = { priority = 1, presence = 1 }, b = { priority = 5, presence = 1 }, c = { priority = 5, presence = 1 }, e = {} } });
local f = require "util.filters"; local s = {}; f.initialize(s);
f.add_filter(s, "stanzas/in", function (v) return v .. "1" end, 5); f.add_filter(s, "stanzas/in", function (v) return v .. "2" end, 10);
P(s.filter("stanzas/in", "a"), s.filter("none", "b")); local drop = function () return nil end; f.add_filter(s, "stanzas/in", drop, 7); P(s.filter("stanzas/in", "a"));
f.remove_filter(s, "stanzas/in", drop); P(s.filter("stanzas/in", "a"));
local codes = require "net.http.codes"; for i = 100, 599 do P(codes[i]); end
local se = require "util.session".new("c2s"); P(se.type, se.base_type); local im = require "util.import"; P(im, type(import("util.jid", "split")));
local ad = require "util.adhoc"; local df = require "util.dataforms";
local h = ad.new_simple_form(df.new { title = "T", { name = "a", type = "text-single" } }, function (fields, err, data) return { fields = fields, err = err } end);
local r, state = h({}, {}); P(r.status, r.actions, state); P(h({}, { action = "cancel" }, "executing"));
P(h({}, { form = df.new { { name = "a", type = "text-single" } }:form({ a = "v" }, "submit") }, "executing"));
h = ad.new_initial_data_form(df.new { title = "T", { name = "a", type = "text-single" } }, function () return { a = "1" } end, function (fields) return fields end);
r, state = h({}, {}); P(r.status, r.actions, r.form.values, state);
local t = require "util.template";
P(tostring(t "<message to='{to}'><body>{body} x {to}</body>{child!}</message>".apply { to = "q", body = "B" }));
P(tostring(t "<a><b/>{c}</a>".apply { c = "z<" })); T(t, "<a>");
P(require "util.dependencies".softreq("util.jid").split("a@b")); P((require "util.dependencies".softreq("nope")));
local ltn12 = require "ltn12"; local sink, out = ltn12.sink.table(); P(ltn12.pump.all(ltn12.source.string(("x"):rep(5000)), sink)); P(#out, #table.concat(out));
sink, out = ltn12.sink.table(); ltn12.pump.all(ltn12.source.chain(ltn12.source.table { "a", "b" }, function (v) return v and v:upper() or v end), sink); P(out);
local tc = require "util.termcolours"; P(tc.getstyle("bold", "red"), tc.getstring(tc.getstyle("red"), "x"), tc.getstyle("ff0000"));
local xt = require "util.xtemplate"; local r = st.stanza("r", { x = "at" }):text_tag("a", "A<"):tag("l"):text_tag("i", "1"):text_tag("i", "2"):reset();
P(xt.render("{a#} {@x} {l/i#} {nope#|and{y}|or{z}} {a#|and{yes}} {a#|or{no}}{nope#}", r));
local ap = require "util.argparse".parse; P(ap({ "--foo=1", "-v", "--bar", "x", "rest" }, { short_params = { v = "verbose" }, value_params = { bar = true } }));
P(ap({ "--no-x", "y" }, nil)); P(ap({ "-z" }, { short_params = {} })); P(ap({ "--bar" }, { value_params = { bar = true } })); P(ap { "a", "--b" }); P(ap { "--", "-x" });
local d = require "util.dbuffer".new(100); d:write("abc"); d:write("defg");
P(d:length(), d:read(2), d:sub(1, 3), d:byte(1), d:read_chunk(), d:len(), d:discard(1), d:read(10), d:length()); P((require "util.dbuffer".new(3):write("abcd")));
local v = require "util.vcard";
local cards = v.from_text("BEGIN:VCARD\nVERSION:3.0\nFN:Joe\nN:Doe;Joe;;;\nTEL;TYPE=work:123\nEMAIL:a@b\nNOTE:a\\nb\\, c\nADR;TYPE=home:;;Street 1;Town;;123;Land\nEND:VCARD\n");
P(#cards, #cards[1], cards[1][3], cards[1][6]); S(v.to_xep54(cards[1])); P(v.to_text(cards[1])); P(v.from_xep54(v.to_xep54(cards[1])));
