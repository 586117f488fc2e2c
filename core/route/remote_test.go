// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/route"
	"tercet/core/stanza"
)

// abroad takes all that leaves.
type abroad struct{ sent *[]string }

func (a abroad) Send(_ context.Context, ev *route.Event) bool {
	*a.sent = append(*a.sent, ev.Host.Name+" "+ev.Stanza.ID)
	return true
}

// two are two hosts of a router, of which a has what is attached.
func two(tb testing.TB, attach func(s *ext.Scope)) (a, b *route.Host) {
	tb.Helper()
	log := slog.New(slog.DiscardHandler)
	r := route.NewRouter(log)
	a, b = route.NewHost(r, jid.MustParse("a.example"), false, log), route.NewHost(r, jid.MustParse("b.example"), false, log)
	r.SetHosts(map[string]*route.Host{a.Name: a, b.Name: b})
	s := ext.NewScope(context.Background(), "test", a.Table)
	attach(s)
	if err := ext.Swap(a.Table, []ext.Change{{New: s}}); err != nil {
		tb.Fatal(err)
	}
	return a, b
}

// TestLeaving: what goes elsewhere meets the hook of its sender's host before
// it goes, and what stays does not.
func TestLeaving(t *testing.T) {
	var seen, sent []string
	a, b := two(t, func(s *ext.Scope) {
		route.Remote.Offer(s, abroad{&sent})
		route.Leaving.Handle(s, 0, func(_ context.Context, ev *route.Event) ext.Verdict {
			seen = append(seen, ev.Host.Name+" "+ev.Stanza.ID)
			if ev.Stanza.ID == "changed" {
				ev.Stanza = message("romeo@a.example", "juliet@remote.example", "other")
			}
			return ev.Stanza.ID == "stopped"
		})
		route.In[stanza.Message][route.Bare].Handle(s, 0, func(ctx context.Context, ev *route.Event) ext.Verdict {
			ev.Send(ctx, message("romeo@a.example", "juliet@remote.example", "answer"))
			return ext.Stop
		})
	})
	for _, st := range []*stanza.Stanza{
		message("romeo@a.example", "juliet@remote.example", "plain"),
		message("romeo@a.example", "juliet@remote.example", "stopped"),
		message("romeo@a.example", "juliet@remote.example", "changed"),
		message("romeo@b.example", "tybalt@a.example", "stays"),
	} {
		a.Send(t.Context(), st)
	}
	b.Send(t.Context(), message("romeo@a.example", "juliet@remote.example", "forwarded")) // by a module of another host
	if want := []string{"a.example plain", "a.example stopped", "a.example changed", "a.example answer", "a.example forwarded"}; !slices.Equal(seen, want) {
		t.Errorf("the hook saw %q, want %q", seen, want)
	}
	if want := []string{"a.example plain", "a.example other", "a.example answer", "a.example forwarded"}; !slices.Equal(sent, want) {
		t.Errorf("sent %q, want %q", sent, want)
	}
}

// TestNowhere: without anybody who takes it, a stanza for elsewhere is answered
// on the host that it came from.
func TestNowhere(t *testing.T) {
	var got []*stanza.Stanza
	a, _ := two(t, func(s *ext.Scope) {
		route.In[stanza.Message][route.Full].Handle(s, 0, func(_ context.Context, ev *route.Event) ext.Verdict {
			got = append(got, ev.Stanza)
			return ext.Stop
		})
	})
	a.Send(t.Context(), message("romeo@a.example/orchard", "juliet@remote.example", "m"))
	a.Send(t.Context(), stanza.New(stanza.Presence, "unavailable", jid.MustParse("romeo@a.example/orchard"), jid.MustParse("juliet@remote.example"), "p"))
	if len(got) != 1 || got[0].Type != "error" || got[0].ID != "m" {
		t.Errorf("got %v, want one error", got)
	}
}

// BenchmarkLeaving is what a hook without handlers costs a stanza for elsewhere.
func BenchmarkLeaving(b *testing.B) {
	a, _ := two(b, func(s *ext.Scope) { route.Remote.Offer(s, taker{}) })
	st := message("romeo@a.example", "juliet@remote.example", "m")
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		a.Send(ctx, st)
	}
}

type taker struct{}

func (taker) Send(context.Context, *route.Event) bool { return true }
