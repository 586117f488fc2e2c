// SPDX-License-Identifier: Apache-2.0

package modules_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"tercet/modules/guest/guesttest"
)

// stampLua numbers each message, marks it again where it arrives, and marks
// presence; it tells how many it has numbered, and asks the client "clock" for
// something ten times a second. What it counts goes on in the next version.
const stampLua = `
local st = require "util.stanza";
local count, ticks, answers = 0, 0, 0;
function module.save() return { count = count, ticks = ticks, answers = answers }; end
function module.restore(state) count, ticks, answers = state.count, state.ticks, state.answers; end
module:hook("pre-message/full", function (event)
	count = count + 1;
	event.stanza:tag("stamp", { xmlns = "urn:example:stamp", n = tostring(count), version = "VERSION" }):up();
end, 10);
module:hook("message/full", function (event)
	event.stanza:tag("seen", { xmlns = "urn:example:stamp" }):up();
end, 5);
module:hook("pre-presence/full", function (event)
	event.stanza:tag("stamp", { xmlns = "urn:example:stamp" }):up();
end);
module:hook("iq-get/host/urn:example:stamp:count", function (event)
	event.origin.send(st.reply(event.stanza):tag("count", { xmlns = "urn:example:stamp", n = tostring(count), ticks = tostring(ticks), answers = tostring(answers) }));
	return true;
end);
module:add_timer(0.1, function ()
	ticks = ticks + 1;
	local asks = st.iq({ type = "get", id = "VERSION-" .. ticks, to = "clock@example.org/c", from = module.host }):tag("time", { xmlns = "urn:example:stamp" });
	module:send_iq(asks):next(function () answers = answers + 1; end);
	return 0.1;
end);
`

// filterC counts each message, and refuses what has the word casino in it.
const filterC = `
static i32 full, stats;
EXPORT(load) i32 load(void) {
	full = tercet_hook(T("pre-message/full"), 20, T(""));
	stats = tercet_hook(T("iq-get/host/urn:example:filter:stats"), 0, T(""));
	return full < 0 || stats < 0;
}
EXPORT(event) i32 event(i32 handler, const char *text, i32 n) {
	text_start();
	if (handler == stats) {
		text_add(T("<stats xmlns='urn:example:filter' version='VERSION' n='"));
		text_number(tercet_count(T(""), T("messages"), 0));
		text_add(T("'/>"));
		return tercet_reply(tercet_text, tercet_length) == OK ? STOP : FAILED;
	}
	if (tercet_count(T(""), T("messages"), 1) < 0)
		return FAILED;
	for (i32 i = 0; i < n; i++)
		if (starts(text + i, n - i, T(">casino<"))) {
			text_add(T("<error type='modify'><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"));
			return tercet_reply(tercet_text, tercet_length) == OK ? STOP : FAILED;
		}
	return NEXT;
}
`

// A version is the file of a guest; want is what its load fails with, "" if it
// does not.
type version struct {
	name, want string
	code       []byte
}

// luaVersions are those of the module in Lua, the broken ones apart.
func luaVersions() (good, bad []version) {
	at := fmt.Sprintf("mod_stamp.lua:%d: ", strings.Count(stampLua, "\n")+1)
	of := func(name, more, want string) version {
		return version{name, want, []byte(strings.ReplaceAll(stampLua, "VERSION", name) + more)}
	}
	return []version{of("a", "", ""), of("b", "-- another", "")}, []version{
		{"syntax", "mod_stamp.lua:3:", []byte("\nmodule:hook(\n= 1)")},
		of("raises", "error(\"broken\")", at+"broken"),
		of("load", "function module.load() error(\"no load\"); end", at+"no load"),
		of("restore", "function module.restore() local n = nil + 1; end", at),
		of("needs", "module:depends(\"a_module_of_nobody\")", "a_module_of_nobody"),
	}
}

// wasmVersions are those of the guest in WebAssembly.
func wasmVersions(t testing.TB) (good, bad []version) {
	t.Helper()
	for _, name := range []string{"a", "b"} {
		good = append(good, version{name, "", guesttest.C(t, strings.ReplaceAll(filterC, "VERSION", name))})
	}
	abi := bytes.Replace(good[0].code, []byte("\x04\x00\x41\x01\x0b"), []byte("\x04\x00\x41\x02\x0b"), 1)
	return good, []version{
		{"garbage", "not a WebAssembly binary", []byte("garbage")},
		{"cut off", "cut off", good[0].code[:len(good[0].code)/2]},
		{"another ABI", "version 2 of the ABI", abi},
		{"a missing export", "does not export load", guesttest.C(t, `EXPORT(event) i32 event(i32 h, const char *x, i32 n) { (void)h; (void)x; (void)n; return 0; }`)},
		{"load fails", "load returned 3", guesttest.C(t, `EXPORT(load) i32 load(void) { return 3; } EXPORT(event) i32 event(i32 h, const char *x, i32 n) { (void)h; (void)x; (void)n; return 0; }`)},
	}
}
