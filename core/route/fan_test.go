// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"

	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/lane"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/stanza"
)

// house is a host whose messages to accounts go to fn.
func house(tb testing.TB, fn ext.Handler[route.Event]) *route.Host {
	tb.Helper()
	log := slog.New(slog.DiscardHandler)
	r := route.NewRouter(log)
	h := route.NewHost(r, jid.MustParse("example.org"), false, log)
	r.SetHosts(map[string]*route.Host{h.Name: h})
	s := ext.NewScope(context.Background(), "test", h.Table)
	route.In[stanza.Message][route.Bare].Handle(s, 0, fn)
	if err := ext.Swap(h.Table, []ext.Change{{New: s}}); err != nil {
		tb.Fatal(err)
	}
	return h
}

func message(from, to, id string) *stanza.Stanza {
	return stanza.New(stanza.Message, "chat", jid.MustParse(from), jid.MustParse(to), id)
}

// TestWaitInOrder: what waits for a lane arrives in the order in which its
// sender has sent it, stanzas and functions mixed.
func TestWaitInOrder(t *testing.T) {
	const many = 300 // more than two turns
	var got []string
	h := house(t, func(_ context.Context, ev *route.Event) ext.Verdict {
		got = append(got, ev.Stanza.ID)
		return ext.Stop
	})
	l := h.Lane("romeo")
	l.TryEnter()
	var want []string
	for n := range many {
		id := fmt.Sprint(n)
		want = append(want, id)
		if n%50 == 49 {
			l.Later(func() { got = append(got, id) })
			continue
		}
		h.Send(t.Context(), message("juliet@example.org", "romeo@example.org", id))
	}
	l.Leave()
	done := make(chan struct{})
	l.Do(func() { close(done) })
	<-done
	if !slices.Equal(got, want) {
		t.Errorf("arrived as %v", got)
	}
}

// TestPanicInATurn: a handler's panic does not take the stanzas behind it.
func TestPanicInATurn(t *testing.T) {
	var panics atomic.Int32
	lane.OnPanic(func(any, []byte) { panics.Add(1) })
	defer lane.OnPanic(nil)
	var got []string
	h := house(t, func(_ context.Context, ev *route.Event) ext.Verdict {
		if ev.Stanza.ID == "bad" {
			panic("bad")
		}
		got = append(got, ev.Stanza.ID)
		return ext.Stop
	})
	l := h.Lane("romeo")
	l.TryEnter()
	for _, id := range [...]string{"1", "bad", "2", "bad", "3"} {
		h.Send(t.Context(), message("juliet@example.org", "romeo@example.org", id))
	}
	l.Leave()
	done := make(chan struct{})
	l.Do(func() { close(done) })
	<-done
	if want := []string{"1", "2", "3"}; !slices.Equal(got, want) || panics.Load() != 2 {
		t.Errorf("got %q and %d panics, want %q and 2", got, panics.Load(), want)
	}
}

// TestFan: copies say that they are, and to whom they go; nothing of one is left
// in the next.
func TestFan(t *testing.T) {
	var got []string
	h := house(t, func(ctx context.Context, ev *route.Event) ext.Verdict {
		if ev.Stanza.ID == "out" {
			f := ev.Fan(ev.Stanza.WithID("in"))
			for _, to := range [...]string{"a@example.org", "b@example.org"} {
				f.Send(ctx, jid.MustParse(to))
			}
			f.Submit(ctx, session.New(jid.MustParse("romeo@example.org/x"), nil), jid.MustParse("c@example.org"))
			f.Send(ctx, jid.MustParse("d@example.org"))
			return ext.Stop
		}
		got = append(got, fmt.Sprintf("%t %t %s", ev.Copy, ev.Origin != nil, ev.Stanza.AppendTo(nil)))
		ev.Stanza, ev.Copy = nil, false
		return ext.Stop
	})
	h.Send(t.Context(), message("romeo@example.org", "romeo@example.org", "out"))
	want := []string{
		`true false <message from='romeo@example.org' to='a@example.org' type='chat' id='in'/>`,
		`true false <message from='romeo@example.org' to='b@example.org' type='chat' id='in'/>`,
		`true true <message from='romeo@example.org' to='c@example.org' type='chat' id='in'/>`,
		`true false <message from='romeo@example.org' to='d@example.org' type='chat' id='in'/>`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// BenchmarkFan is one stanza to 100 accounts; the lanes of half of them are
// taken.
func BenchmarkFan(b *testing.B) {
	h := house(b, func(context.Context, *route.Event) ext.Verdict { return ext.Stop })
	var to []jid.JID
	for n := range 100 {
		to = append(to, jid.MustParse(fmt.Sprintf("user%d@example.org", n)))
	}
	st := message("romeo@example.org", "user@example.org", "x")
	b.ReportAllocs()
	for b.Loop() {
		h.Within(st, func(ev *route.Event) {
			var taken []*lane.Lane
			for _, j := range to[:50] {
				if l := h.Lane(j.Local()); l.TryEnter() {
					taken = append(taken, l)
				}
			}
			f := ev.Fan(st)
			for _, j := range to {
				f.Send(b.Context(), j)
			}
			for _, l := range taken {
				l.Leave()
			}
		})
	}
}
