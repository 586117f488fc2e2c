// SPDX-License-Identifier: Apache-2.0

package wasm_test

import (
	"context"
	"path/filepath"
	"strings"
	"syscall"
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

// A message meets one hook of a guest, with the deadline. "unused" is the hook
// without any guest, "filtered" one whose filter leaves the message out.
func BenchmarkHook(b *testing.B) {
	for _, bb := range []struct {
		name   string
		guest  func() string
		budget time.Duration // of the processor, for one event; 0: none
	}{
		{"unused", nil, 0},
		{"filtered", func() string { return c(b, hooking("type=groupchat", "return NEXT;")) }, 0},
		{"c/empty", func() string { return c(b, hooking("", "return NEXT;")) }, 3 * time.Microsecond},
		{"c/two calls", func() string {
			return c(b, hooking("", `tercet_now(); tercet_option(T("words"), buf, 16); return NEXT;`))
		}, 3 * time.Microsecond},
		{"go/filter", func() string { return golang.build(b, filepath.Join(root, "examples/wasm/go/main.go")) }, 4 * time.Microsecond},
		{"c/filter", func() string { return clang.build(b, filepath.Join(root, "examples/wasm/c/filter.c")) }, 3 * time.Microsecond},
	} {
		b.Run(bb.name, func(b *testing.B) {
			config := ""
			if bb.guest != nil {
				config = guestConfig(bb.guest(), `allow = { "hook:*", "add:*", "store" }, memory = "32MB", limit = "1s", options = { words = { "buy now", "casino" } }`)
			}
			s := coretest.New(b, config, modules.All...)
			h := s.Host(coretest.Domain)
			st, err := stanza.Parse([]byte(message))
			if err != nil {
				b.Fatal(err)
			}
			ctx := context.Background()
			b.ReportAllocs()
			before := cpu(b)
			for b.Loop() {
				pass := h.Table.Enter()
				ev := route.Event{Stanza: st, Host: h, Pass: pass}
				if route.Out[stanza.Message][route.Bare].Fire(ctx, pass, &ev) == ext.Stop {
					b.Fatal("stopped")
				}
				pass.Leave()
			}
			each := (cpu(b) - before) / time.Duration(b.N)
			b.ReportMetric(float64(each), "cpu-ns/op")
			if bb.budget > 0 && b.N >= 10_000 && each > bb.budget { // a few of them are mostly the start
				b.Errorf("an event takes %v, more than %v", each, bb.budget)
			}
		})
	}
}

// cpu is the time that this process has used of its cores: other programs at
// work disturb it less than the clock.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// hooking is a guest with one hook.
func hooking(filter, body string) string {
	return strings.NewReplacer("FILTER", filter, "BODY", body).Replace(`
static char buf[64];
EXPORT(load) i32 load(void) { (void)buf; return tercet_hook(T("pre-message/bare"), 0, T("FILTER")) < 0; }
EXPORT(event) i32 event(i32 handler, const char *text, i32 n) { (void)handler; (void)text; (void)n; BODY }
`)
}

// guestConfig enables one guest, called probe. Where the limit does not matter
// it is long: the machine that tests may be busy.
func guestConfig(path, more string) string {
	if !strings.Contains(more, "limit") {
		more = "limit = '5s', " + more
	}
	return "modules_enabled = { 'disco', 'probe' }\nwasm_modules = { probe = { path = '" + path + "', " + more + " } }\n"
}
