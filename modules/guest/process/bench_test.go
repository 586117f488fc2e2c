// SPDX-License-Identifier: Apache-2.0

package process_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/ext"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/modules"
)

const message = `<message type='chat' id='m1' to='juliet@example.org' from='romeo@example.org/orchard'>` +
	`<body>Neither, fair saint, if either thee dislike.</body><active xmlns='http://jabber.org/protocol/chatstates'/>` +
	`<request xmlns='urn:xmpp:receipts'/></message>`

// Messages meet one hook of a plugin: one at a time, and 64 of them, where 15
// us are what each may take.
func BenchmarkHook(b *testing.B) {
	filter := "modules_enabled = { 'disco', 'filter' }\nprocess_modules = { filter = { command = { '" + golang(b) + "' }, limit = '5s', " +
		"allow = { 'hook:*', 'add:*', 'store' }, options = { words = { 'buy now', 'casino' } } } }\n"
	for _, bb := range []struct {
		name, config string
		flights      int
	}{
		{"probe/1", config(b, "next", ""), 1},
		{"probe/64", config(b, "next", ""), 64},
		{"sdk/1", filter, 1},
		{"sdk/64", filter, 64},
	} {
		b.Run(bb.name, func(b *testing.B) {
			s := coretest.New(b, bb.config, modules.All...)
			h := s.Host(coretest.Domain)
			st, err := stanza.Parse([]byte(message))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			var left atomic.Int64
			left.Store(int64(b.N))
			done := make(chan bool)
			b.ResetTimer()
			for range bb.flights {
				go func() {
					for left.Add(-1) >= 0 {
						pass := h.Table.Enter()
						ev := route.Event{Stanza: st, Host: h, Pass: pass}
						if route.Out[stanza.Message][route.Bare].Fire(context.Background(), pass, &ev) == ext.Stop {
							b.Error("stopped")
						}
						pass.Leave()
					}
					done <- true
				}()
			}
			for range bb.flights {
				<-done
			}
			const budget = 15 * time.Microsecond
			if each := b.Elapsed() / time.Duration(b.N); bb.flights == 64 && b.N >= 10_000 && each > budget {
				b.Errorf("an event takes %v, more than %v", each, budget)
			}
		})
	}
}
