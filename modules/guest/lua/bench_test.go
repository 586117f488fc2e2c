// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"context"
	"runtime/debug"
	"testing"

	"tercet/core/coretest"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/modules"
)

const chat = "<message xmlns='jabber:client' from='romeo@example.org/orchard' to='juliet@example.org' type='chat' id='m01'>" +
	"<body>But soft, what light through yonder window breaks? It is the east, &amp; Juliet is the sun.</body>" +
	"<active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/></message>"

// BenchmarkHook is a chat message that meets handlers in Lua: the lock, the
// conversion, the handler, and the comparison behind it. Nothing else handles
// the message. "None" is the same way without a handler. The collector runs as
// often as in a small server (see core/memory/pace.go).
func BenchmarkHook(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	const empty = "function (event) end"
	const small = `function (event)
	local from, body = event.stanza.attr.from, event.stanza:get_child("body")
	reply = st.reply(event.stanza)
end`
	for _, bench := range []struct {
		name     string
		handlers []string
	}{
		{"none", nil},
		{"empty", []string{empty}},
		{"two-empty", []string{empty, empty}},
		{"attr-child-reply", []string{small}},
		{"changed", []string{`function (event) event.stanza.attr.lang = "en" end`}},
		{"replaced", []string{`function (event) event.stanza = st.clone(event.stanza) end`}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			source := "local st, reply = require \"util.stanza\"\n"
			for _, fn := range bench.handlers {
				source += "module:hook(\"pre-message/bare\", " + fn + ", 1000)\n"
			}
			dir := plugins(b, map[string]string{"hooks": source})
			s := coretest.New(b, `modules_enabled = { "hooks" } plugin_paths = { "`+dir+`" }`, modules.All...)
			h := s.Host(coretest.Domain)
			st, err := stanza.Parse([]byte(chat))
			if err != nil {
				b.Fatal(err)
			}
			hook := route.Out[stanza.Message][route.Bare]
			b.ReportAllocs()
			for b.Loop() {
				pass := h.Table.Enter()
				hook.Fire(context.Background(), pass, &route.Event{Stanza: st, Host: h, Pass: pass})
				pass.Leave()
			}
		})
	}
}
