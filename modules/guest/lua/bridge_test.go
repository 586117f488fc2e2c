// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

// serve starts a server with modules in Lua, by their names in order.
func serve(t *testing.T, config string, sources ...string) (s *coretest.Server, dir string) {
	t.Helper()
	all := make(map[string]string)
	var names []string
	for i := 0; i < len(sources); i += 2 {
		names = append(names, fmt.Sprintf("%q", sources[i]))
		all[sources[i]] = sources[i+1]
	}
	dir = plugins(t, all)
	return coretest.New(t, fmt.Sprintf("modules_enabled = { %s }\nplugin_paths = { %q }\nbundled_plugin_paths = { }\n%s", strings.Join(names, ", "), dir, config), modules.All...), dir
}

// exchange sends and wants these elements back.
func exchange(t *testing.T, c *coretest.Client, sent string, want ...string) {
	t.Helper()
	c.Send(sent)
	for _, w := range want {
		if got := c.Next().String(); !strings.Contains(got, w) {
			t.Fatalf("sent %s\ngot %s\nwant %s in it", sent, got, w)
		}
	}
}

const ping = "<iq type='get' id='p' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>"

// TestStanzas: handlers see, change, stop and send stanzas.
func TestStanzas(t *testing.T) {
	s, _ := serve(t, "", "chat", `
local st = require "util.stanza";
module:hook("pre-message/bare", function (event)
	local body = event.stanza:get_child_text("body");
	if body == "stop" then
		event.origin.send(st.error_reply(event.stanza, "modify", "policy-violation", "not here"));
		return true;
	elseif body == "change" then
		event.stanza:remove_children("body");
		event.stanza:body("changed by " .. event.origin.username);
	elseif body == "other" then
		event.stanza = st.message({ from = event.stanza.attr.from, to = event.stanza.attr.to, type = "chat" }, "another");
	elseif body == "more" then
		module:send(st.message({ from = module.host, to = event.stanza.attr.to }, "one more"));
	end
end, 10);
module:hook("pre-message/bare", function (event)
	if event.stanza:get_child_text("body") == "changed by romeo" then
		event.stanza:text_tag("seen", "yes", { xmlns = "urn:example" });
	end
end, 9.5);
`)
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	exchange(t, juliet, "<presence/>", "<presence")
	say := func(body string) string {
		return "<message type='chat' id='m' to='juliet@example.org'><body>" + body + "</body></message>"
	}
	exchange(t, romeo, say("stop"), "<policy-violation")
	romeo.Send(say("change"))
	if got := juliet.Next().String(); !strings.Contains(got, "changed by romeo") || !strings.Contains(got, "<seen") {
		t.Errorf("got %s", got)
	}
	romeo.Send(say("other"))
	if got := juliet.Next().String(); !strings.Contains(got, "another") {
		t.Errorf("got %s", got)
	}
	romeo.Send(say("more"))
	for _, want := range []string{"one more", ">more<"} {
		if got := juliet.Next().String(); !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	exchange(t, romeo, say("plain")+ping, "id='p'")
	if got := juliet.Next().String(); !strings.Contains(got, ">plain<") {
		t.Errorf("got %s", got)
	}
}

// TestOrder: handlers in Lua stand among those of the server by their
// priorities, fractions and all.
func TestOrder(t *testing.T) {
	s, _ := serve(t, `blocked = true`, "order", `
local st = require "util.stanza";
local seen = {};
for _, p in ipairs { 2^32, 101, 100.5, 99.5, 0.5, -0.25, -0.75 } do
	module:hook("message/bare", function (event)
		seen[#seen + 1] = p .. (event.stanza:get_child("stanza-id", "urn:xmpp:sid:0") and "+" or "");
	end, p);
end
module:hook("iq-get/host/urn:example:order:seen", function (event)
	event.origin.send(st.reply(event.stanza):text_tag("seen", table.concat(seen, " "), { xmlns = "urn:example:order" }));
	return true;
end);
`)
	s.Reconfigure(fmt.Sprintf("modules_enabled = { \"order\", \"mam\", \"carbons\" }\nplugin_paths = { %q }\nbundled_plugin_paths = { }\ndefault_archive_policy = true", pluginPath(t, s)))
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	exchange(t, juliet, "<presence/>", "<presence")
	romeo.Send("<message type='chat' to='juliet@example.org'><body>hi</body></message>")
	juliet.Next()
	exchange(t, romeo, "<iq type='get' id='s' to='example.org'><seen xmlns='urn:example:order'/></iq>",
		"4294967296 101 100.5 99.5 0.5 -0.25+ -0.75+")
}

// pluginPath is the folder that the server's config names.
func pluginPath(t *testing.T, s *coretest.Server) string {
	t.Helper()
	v, _ := s.Env.Config().Lookup("", "plugin_paths")
	return v.List()[0].Str()
}

// TestReload: a module keeps what it saves; one that does not start again is
// replaced by what ran before.
func TestReload(t *testing.T) {
	source := func(version int, more string) string {
		return fmt.Sprintf(`
local st = require "util.stanza";
local count = 0;
function module.save() return { count = count }; end
function module.restore(state) count = state.count; end
module:hook("iq-get/host/urn:example:count:count", function (event)
	count = count + 1;
	event.origin.send(st.reply(event.stanza):text_tag("count", "version %d, " .. count, { xmlns = "urn:example:count" }));
	return true;
end);
%s`, version, more)
	}
	s, dir := serve(t, "", "count", source(1, ""))
	romeo := s.Login("romeo", "orchard")
	ask := "<iq type='get' id='c' to='example.org'><count xmlns='urn:example:count'/></iq>"
	exchange(t, romeo, ask, "version 1, 1")
	rewrite := func(code string) error {
		if err := os.WriteFile(filepath.Join(dir, "mod_count.lua"), []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
		return s.Env.Manager.Reload(t.Context(), "example.org", "count")
	}
	if err := rewrite(source(2, "")); err != nil {
		t.Fatal(err)
	}
	exchange(t, romeo, ask, "version 2, 2")
	for name, code := range map[string]string{
		"syntax": "module:hook(", "error": source(3, `error("no")`), "load": source(3, `function module.load() error("no"); end`),
	} {
		if err := rewrite(code); err == nil || !strings.Contains(err.Error(), "mod_count.lua:") {
			t.Errorf("%s: %v", name, err)
		}
		exchange(t, romeo, ask, "version 2, ")
	}
	if err := rewrite(source(4, "")); err != nil {
		t.Fatal(err)
	}
	exchange(t, romeo, ask, "version 4, 6")
}

// TestFailing: what a module does wrong ends its handler, and nothing else.
func TestFailing(t *testing.T) {
	s, _ := serve(t, `lua_handler_timeout = 0.05`, "bad", `
local st = require "util.stanza";
module:hook("pre-message/bare", function (event)
	local what = event.stanza:get_child_text("body");
	if what == "error" then error("oh no");
	elseif what == "loop" then while true do end
	elseif what == "pattern" then (("a"):rep(40)):find(("a?"):rep(40) .. ("a"):rep(40) .. "b");
	elseif what == "names" then event.stanza:tag("no name!");
	elseif what == "bytes" then event.stanza.attr.id = "\1";
	elseif what == "deep" then local function f() return f() + 1; end f();
	elseif what == "none" then event.stanza = nil;
	elseif what == "memory" then local t = {}; for i = 1, 1e9 do t[i] = ("x"):rep(1e6) .. i; end
	end
end, 10);
`)
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	exchange(t, juliet, "<presence/>", "<presence")
	for _, what := range []string{"error", "loop", "pattern", "names", "bytes", "deep", "none", "fine"} {
		romeo.Send("<message type='chat' to='juliet@example.org'><body>" + what + "</body></message>")
		if got := juliet.Next().String(); !strings.Contains(got, ">"+what+"<") {
			t.Errorf("%s: got %s", what, got)
		}
	}
	exchange(t, romeo, ping, "id='p'")
}

// TestSuspended: a module that fails ten times in a row is not called any more.
func TestSuspended(t *testing.T) {
	s, _ := serve(t, "", "bad", `module:hook("pre-message/bare", function () error("always"); end, 10);`)
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	exchange(t, juliet, "<presence/>", "<presence")
	for range 12 {
		romeo.Send("<message type='chat' to='juliet@example.org'><body>x</body></message>")
		juliet.Next()
	}
	for _, st := range s.Env.Manager.List() {
		if st.Name == "bad" && st.State != "suspended" {
			t.Errorf("the module is %s", st.State)
		}
	}
}

// TestBroken: a module that does not start keeps nobody else from it.
func TestBroken(t *testing.T) {
	s, _ := serve(t, `table.insert(modules_enabled, "disco")`, "syntax", "local x = = 1", "raises", `error("no")`, "needs", `module:depends("nothing")`, "good", `module:add_feature("urn:example:good")`)
	romeo := s.Login("romeo", "orchard")
	exchange(t, romeo, "<iq type='get' id='d' to='example.org'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", "urn:example:good")
}

// TestLive: hosts, sessions and rosters are as they are now.
func TestLive(t *testing.T) {
	s, _ := serve(t, `admins = { "romeo@example.org" }`, "live", `
local st = require "util.stanza";
local um, rm = require "core.usermanager", require "core.rostermanager";
local kept;
module:hook("iq-get/host/urn:example:live:live", function (event)
	local origin = event.origin;
	kept = kept or origin;
	origin.mine = (origin.mine or 0) + 1;
	local names = {};
	for user, account in pairs(hosts[module.host].sessions) do
		for resource, session in pairs(account.sessions) do table.insert(names, user .. "/" .. resource .. (session.presence and "+" or "-")); end
	end
	table.sort(names);
	local said = table.concat({ table.concat(names, " "), tostring(kept == origin), tostring(origin.mine), origin.type, origin.full_jid, tostring(origin.secure),
		tostring(prosody.full_sessions[origin.full_jid] == origin), tostring(prosody.bare_sessions["nobody@example.org"]),
		tostring(um.user_exists("romeo", module.host)), tostring(um.user_exists("nobody", module.host)), tostring(um.is_admin("romeo@example.org/x", module.host)),
		tostring(rm.is_contact_subscribed("romeo", module.host, "juliet@example.org")), module:get_host_type(), tostring(hosts["nowhere"]) }, ";");
	origin.send(st.reply(event.stanza):text_tag("live", said, { xmlns = "urn:example:live" }));
	return true;
end);
`)
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	exchange(t, juliet, "<presence/>", "<presence")
	ask := "<iq type='get' id='l' to='example.org'><live xmlns='urn:example:live'/></iq>"
	exchange(t, romeo, ask, "juliet/balcony+ romeo/orchard-;true;1;c2s;romeo@example.org/orchard;")
	exchange(t, romeo, ask, ";true;2;c2s;romeo@example.org/orchard;false;true;nil;true;false;true;false;local;nil")
	exchange(t, juliet, ask, "false;1;c2s;juliet@example.org/balcony")
}

// TestTwoHosts: a module that stands on no host is added to each.
func TestTwoHosts(t *testing.T) {
	s, _ := serve(t, "VirtualHost \"example.org\"\nVirtualHost \"example.net\"\n", "everywhere", `
module:set_global();
local st = require "util.stanza";
local hosts = {};
function module.add_host(module)
	hosts[#hosts + 1] = module.host;
	module:hook("iq-get/host/urn:example:hosts:hosts", function (event)
		table.sort(hosts);
		event.origin.send(st.reply(event.stanza):text_tag("hosts", table.concat(hosts, " "), { xmlns = "urn:example:hosts" }));
		return true;
	end);
end
`)
	romeo := s.Login("romeo", "orchard")
	for _, host := range []string{"example.org", "example.net"} {
		exchange(t, romeo, "<iq type='get' id='h' to='"+host+"'><hosts xmlns='urn:example:hosts'/></iq>", "example.net example.org")
	}
}

// TestAnswers: a module asks clients and gets promises.
func TestAnswers(t *testing.T) {
	s, _ := serve(t, "", "asks", `
local st = require "util.stanza";
module:hook("message/host", function (event)
	module:send_iq(st.iq({ type = "get", id = "q1", to = event.stanza.attr.from, from = module.host }):tag("query", { xmlns = "jabber:iq:version" })):next(
		function (answer) module:send(st.message({ from = module.host, to = answer.stanza.attr.from }, "you are " .. answer.stanza:find("{jabber:iq:version}query/name#"))); end,
		function (err) module:send(st.message({ from = module.host, to = event.stanza.attr.from }, "failed: " .. tostring(err.condition))); end);
	return true;
end);
`)
	romeo := s.Login("romeo", "orchard")
	exchange(t, romeo, "<message to='example.org'><body>?</body></message>", "jabber:iq:version")
	exchange(t, romeo, "<iq type='result' id='q1' to='example.org'><query xmlns='jabber:iq:version'><name>Test</name></query></iq>", "you are Test")
	exchange(t, romeo, "<message to='example.org'><body>?</body></message>", "jabber:iq:version")
	exchange(t, romeo, "<iq type='error' id='q1' to='example.org'><error type='cancel'><feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>", "failed: feature-not-implemented")
}

// TestStore: what a module stores is there after a reload of it.
func TestStore(t *testing.T) {
	s, _ := serve(t, "", "notes", `
local st = require "util.stanza";
local notes, marks = module:open_store("notes"), module:open_store("marks", "map");
module:hook("iq-set/bare/urn:example:notes:note", function (event)
	local user = event.origin.username;
	local had = notes:get(user) or { list = {} };
	table.insert(had.list, event.stanza.tags[1]:get_text());
	assert(notes:set(user, had));
	assert(marks:set(user, had.list[#had.list], #had.list));
	event.origin.send(st.reply(event.stanza):text_tag("notes", table.concat(notes:get(user).list, ",") .. " " .. tostring(marks:get(user, "a")), { xmlns = "urn:example:notes" }));
	return true;
end);
`)
	romeo := s.Login("romeo", "orchard")
	note := func(text string) string {
		return "<iq type='set' id='n'><note xmlns='urn:example:notes'>" + text + "</note></iq>"
	}
	exchange(t, romeo, note("a"), "a 1")
	exchange(t, romeo, note("b"), "a,b 1")
	if err := s.Env.Manager.Reload(t.Context(), "example.org", "notes"); err != nil {
		t.Fatal(err)
	}
	exchange(t, romeo, note("c"), "a,b,c 1")
}

// TestForcedOwnStore: a module in Lua that stands in for one of the server may
// change what this one keeps, and what the host keeps under the same name is
// another matter.
func TestForcedOwnStore(t *testing.T) {
	s, _ := serve(t, "force_lua_modules = { \"blocklist\" }\n", "blocklist", `
local st = require "util.stanza";
local store = module:open_store();
module:hook("iq-set/host/urn:example:own:own", function (event)
	assert(store:set(event.origin.username, { ["tybalt@example.org"] = true }));
	assert(store:set(nil, { ["evil.example"] = true }));
	local words = {};
	for name in pairs(store:get()) do table.insert(words, tostring(name)); end
	for name in pairs(store:get(event.origin.username)) do table.insert(words, tostring(name)); end
	event.origin.send(st.reply(event.stanza):text_tag("own", table.concat(words, " "), { xmlns = "urn:example:own" }));
	return true;
end);
`)
	romeo := s.Login("romeo", "orchard")
	exchange(t, romeo, "<iq type='set' id='o' to='example.org'><own xmlns='urn:example:own'/></iq>", ">evil.example false tybalt@example.org<")
}

// TestCommand: an ad-hoc command in Lua, in two stages.
func TestCommand(t *testing.T) {
	s, _ := serve(t, `admins = { "romeo@example.org" }`, "greet", `
module:depends "adhoc";
local dataforms = require "util.dataforms";
local layout = dataforms.new { title = "Greet"; { name = "FORM_TYPE"; type = "hidden"; value = "urn:example:greet" }; { name = "who"; type = "text-single"; label = "Who"; required = true } };
module:provides("adhoc", { name = "Greet somebody"; node = "urn:example:greet"; permission = "admin"; handler = function (self, data, state)
	if state then
		if data.action == "cancel" then return { status = "canceled" }; end
		local fields, errors = layout:data(data.form);
		if errors then return { status = "completed"; error = { message = "who?" } }; end
		return { status = "completed"; info = "Hello " .. fields.who };
	end
	return { status = "executing"; actions = { "complete"; default = "complete" }; form = { layout = layout } }, "asked";
end });
`)
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	run := "<iq type='set' id='c' to='example.org'><command xmlns='http://jabber.org/protocol/commands' node='urn:example:greet' action='execute'/></iq>"
	exchange(t, juliet, run, "<forbidden")
	romeo.Send(run)
	form := romeo.Next()
	command := form.First()
	if command.Attr("status") != "executing" || command.Attr("sessionid") == "" || !strings.Contains(form.String(), "urn:example:greet") {
		t.Fatalf("got %s", form)
	}
	exchange(t, romeo, "<iq type='set' id='c2' to='example.org'><command xmlns='http://jabber.org/protocol/commands' node='urn:example:greet' sessionid='"+command.Attr("sessionid")+
		"' action='complete'><x xmlns='jabber:x:data' type='submit'><field var='who'><value>Juliet</value></field></x></command></iq>", "Hello Juliet")
}

// TestRegistered: an account that a module in Lua tells of is told to all.
func TestRegistered(t *testing.T) {
	s, _ := serve(t, `table.insert(modules_enabled, "watchregistrations") admins = { "romeo@example.org" }`, "web", `
local heard = 0;
module:hook("user-registered", function (event) heard = heard + (event.username == "newcomer" and event.ip == "192.0.2.1" and 1 or 100); end);
module:hook("message/host", function (event)
	module:fire_event("user-registered", { username = "newcomer", host = module.host, source = "mod_web", ip = "192.0.2.1" });
	event.origin.send(require "util.stanza".message({ from = module.host }, "heard " .. heard));
	return true;
end);
`)
	romeo := s.Login("romeo", "orchard")
	exchange(t, romeo, "<presence/>", "<presence")
	exchange(t, romeo, "<message to='example.org'><body>go</body></message>", "newcomer just registered on example.org from 192.0.2.1", "heard 1")
}
