// SPDX-License-Identifier: Apache-2.0

package iq_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/iq"
	"tercet/core/jid"
	"tercet/core/route"
	"tercet/core/stanza"
)

var (
	name   = element.Name{Space: "urn:test", Local: "q"}
	host   = jid.MustParse("example.org")
	juliet = jid.MustParse("juliet@example.net/balcony")
	romeo  = jid.MustParse("romeo@example.org/orchard")
)

func payload(text string) element.Element {
	return element.New(name.Space, name.Local).Text(text).Element()
}

// A world is one host with nothing but the points of this package. What goes
// out of it, to other domains and to full JIDs, is kept.
type world struct {
	*route.Host
	t     *testing.T
	scope *ext.Scope // of the module under test

	mu   sync.Mutex // guards sent
	sent []*stanza.Stanza
}

func newWorld(t *testing.T) *world {
	t.Helper()
	r := route.NewRouter(slog.New(slog.DiscardHandler))
	w := &world{Host: route.NewHost(r, host, false, r.Log), t: t}
	r.SetHosts(map[string]*route.Host{w.Name: w.Host})
	in := route.In[stanza.IQ]
	w.load("world", func(s *ext.Scope) {
		in[route.Bare].Handle(s, 0, iq.Dispatch)
		in[route.ToHost].Handle(s, 0, iq.Dispatch)
		in[route.Full].Handle(s, 0, func(ctx context.Context, ev *route.Event) ext.Verdict {
			w.Send(ctx, ev)
			return ext.Stop
		})
		route.Remote.Offer(s, w)
	})
	return w
}

// Send keeps what leaves: it is the world's route.Outbound.
func (w *world) Send(_ context.Context, ev *route.Event) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, ev.Stanza)
	return true
}

// took returns what has left since the last time.
func (w *world) took() []*stanza.Stanza {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.sent
	w.sent = nil
	return all
}

func (w *world) load(name string, attach func(*ext.Scope)) *ext.Scope {
	w.t.Helper()
	s := ext.NewScope(w.t.Context(), name, w.Table)
	attach(s)
	if err := ext.Swap(w.Table, []ext.Change{{New: s}}); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			w.t.Error(err)
		}
	})
	return s
}

// request plays a request to the world and returns what came of it.
func (w *world) request(kind string, from, to jid.JID, self bool) string {
	w.t.Helper()
	st := stanza.New(stanza.IQ, kind, from, to, "id", payload("asked"))
	w.Within(st, func(ev *route.Event) {
		if ev.ToSelf = self; iq.Dispatch(w.t.Context(), ev) == ext.Next {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.sent = append(w.sent, stanza.New(stanza.IQ, "nobody", jid.JID{}, from, "id"))
		}
	})
	text := ""
	for _, got := range w.took() {
		if got.To != from || got.ID != "id" {
			w.t.Errorf("an answer to %s with the ID %s", got.To, got.ID)
		}
		text += got.Type
		if got.Type == "error" {
			text += " " + string(stanza.ReadError(got).Condition)
		} else if p := got.First(); !p.IsZero() {
			text += " " + p.Text()
		}
	}
	return text
}

// Who answers which request, at which target, with what.
func TestHandle(t *testing.T) {
	w := newWorld(t)
	var open *iq.Request
	answers := func(text string, err error) iq.Handler {
		return func(_ context.Context, r *iq.Request) (element.Element, error) {
			if r.Payload.Text() != "asked" {
				t.Errorf("the payload is %s", r.Payload)
			}
			open = r
			if text == "" {
				return element.Element{}, err
			}
			return payload(text + " " + r.From.String() + " asks " + r.To.String()), err
		}
	}
	bare, other := romeo.Bare(), jid.MustParse("nurse@example.org")
	for _, tt := range []struct {
		name   string
		attach func(*ext.Scope)
		kind   string
		from   jid.JID
		to     jid.JID // zero: its own account
		want   string
	}{
		{"the host", func(s *ext.Scope) { iq.Handle(s, iq.Get, iq.Host, name, answers("a", nil)) }, "get", juliet, host, "result a juliet@example.net/balcony asks example.org"},
		{"another kind", func(s *ext.Scope) { iq.Handle(s, iq.Get, iq.Host, name, answers("a", nil)) }, "set", juliet, host, "nobody"},
		{"both kinds", func(s *ext.Scope) { iq.Handle(s, iq.Get|iq.Set, iq.Host, name, answers("", nil)) }, "set", juliet, host, "result"},
		{"another target", func(s *ext.Scope) { iq.Handle(s, iq.Get, iq.Account, name, answers("a", nil)) }, "get", juliet, host, "nobody"},
		{"an account", func(s *ext.Scope) { iq.Handle(s, iq.Get, iq.Account, name, answers("a", nil)) }, "get", juliet, bare, "result a juliet@example.net/balcony asks romeo@example.org"},
		{"of another it is not the own one", func(s *ext.Scope) { iq.Handle(s, iq.Get, iq.Self, name, answers("a", nil)) }, "get", juliet, bare, "nobody"},
		{"of a neighbour neither", func(s *ext.Scope) { iq.Handle(s, iq.Get, iq.Self, name, answers("a", nil)) }, "get", romeo, other, "nobody"},
		{"the own account", func(s *ext.Scope) { iq.Handle(s, iq.Set, iq.Self, name, answers("a", nil)) }, "set", romeo, jid.JID{}, "result a romeo@example.org/orchard asks romeo@example.org"},
		{"the own account is an account", func(s *ext.Scope) { iq.Handle(s, iq.Set, iq.Account, name, answers("a", nil)) }, "set", romeo, jid.JID{}, "result a romeo@example.org/orchard asks romeo@example.org"},
		{"the own one comes before any", func(s *ext.Scope) {
			iq.Handle(s, iq.Get, iq.Self, name, answers("self", nil))
			iq.Handle(s, iq.Get, iq.Account, name, answers("any", nil))
		}, "get", romeo, jid.JID{}, "result self romeo@example.org/orchard asks romeo@example.org"},
		{"another name", func(s *ext.Scope) {
			iq.Handle(s, iq.Get, iq.Host, element.Name{Space: name.Space, Local: "other"}, answers("a", nil))
		}, "get", juliet, host, "nobody"},
		{"an error for the client", func(s *ext.Scope) {
			iq.Handle(s, iq.Get, iq.Host, name, answers("a", fmt.Errorf("because: %w", stanza.Fail(stanza.Forbidden, ""))))
		}, "get", juliet, host, "error forbidden"},
		{"an error of ours", func(s *ext.Scope) { iq.Handle(s, iq.Get, iq.Host, name, answers("a", errors.New("secret"))) }, "get", juliet, host, "error internal-server-error"},
		{"one before stops it", func(s *ext.Scope) {
			iq.HandleAt(s, 1, iq.Get, iq.Host, name, func(ctx context.Context, r *iq.Request) ext.Verdict {
				r.Bounce(ctx, stanza.Fail(stanza.NotAllowed, ""))
				return ext.Stop
			})
			iq.Handle(s, iq.Get, iq.Host, name, answers("a", nil))
		}, "get", juliet, host, "error not-allowed"},
		{"one before lets it pass", func(s *ext.Scope) {
			iq.HandleAt(s, 1, iq.Get, iq.Host, name, func(context.Context, *iq.Request) ext.Verdict { return ext.Next })
			iq.Handle(s, iq.Get, iq.Host, name, answers("a", nil))
		}, "get", juliet, host, "result a juliet@example.net/balcony asks example.org"},
		{"later", func(s *ext.Scope) {
			iq.Handle(s, iq.Get, iq.Host, name, answers("", fmt.Errorf("busy: %w", iq.ErrLater)))
		}, "get", juliet, host, ""},
		{"a result that nobody waits for", func(s *ext.Scope) { iq.Handle(s, iq.Get|iq.Set, iq.Host, name, answers("a", nil)) }, "result", juliet, host, "nobody"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := w.load("module", tt.attach)
			open = nil
			if got := w.request(tt.kind, tt.from, tt.to, tt.to.IsZero()); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			errs := ext.MeterOf(s).Total().Errors
			if want := tt.name == "an error of ours"; (errs == 1) != want {
				t.Errorf("%d errors were counted", errs)
			}
			if tt.name == "later" { // the answer, out of the handler
				open.Answer(t.Context(), payload("now"), nil)
				if got := w.took(); len(got) != 1 || got[0].Type != "result" || got[0].First().Text() != "now" || got[0].To != juliet {
					t.Errorf("later: got %v", got)
				}
			}
			if err := s.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Two modules that answer the same do not load together.
func TestHandleTwice(t *testing.T) {
	w := newWorld(t)
	fn := func(context.Context, *iq.Request) (element.Element, error) { return element.Element{}, nil }
	w.load("one", func(s *ext.Scope) { iq.Handle(s, iq.Get, iq.Host|iq.Account, name, fn) })
	s := ext.NewScope(t.Context(), "two", w.Table)
	iq.Handle(s, iq.Get|iq.Set, iq.Account, name, fn)
	if err := ext.Swap(w.Table, []ext.Change{{New: s}}); err == nil {
		t.Error("loaded")
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// What may come of a call, and that it comes once.
func TestCall(t *testing.T) {
	reply := func(typ string, from jid.JID, id string) *stanza.Stanza {
		if typ == "error" {
			return stanza.New(stanza.IQ, typ, from, host, id, stanza.Fail(stanza.ItemNotFound, "").Element())
		}
		return stanza.New(stanza.IQ, typ, from, host, id, payload("answer"))
	}
	const wait = 10 * time.Second
	for _, tt := range []struct {
		name string
		do   func(w *world, id string)
		want string
	}{
		{"a result", func(w *world, id string) { w.receive(reply("result", juliet, id)) }, "answer <nil>"},
		{"two results", func(w *world, id string) {
			w.receive(reply("result", juliet, id))
			w.receive(reply("result", juliet, id))
		}, "answer <nil>"},
		{"an error", func(w *world, id string) { w.receive(reply("error", juliet, id)) }, " item-not-found"},
		{"nothing", func(*world, string) { <-time.After(wait) }, " " + iq.ErrTimeout.Error()},
		{"not yet", func(*world, string) { <-time.After(wait - 1) }, ""},
		{"a late one", func(w *world, id string) {
			<-time.After(wait)
			synctest.Wait()
			w.receive(reply("result", juliet, id))
		}, " " + iq.ErrTimeout.Error()},
		{"another ID", func(w *world, id string) { w.receive(reply("result", juliet, id+"x")) }, ""},
		{"no ID", func(w *world, _ string) { w.receive(reply("result", juliet, "")) }, ""},
		{"the ID that the caller gave", func(w *world, _ string) { w.receive(reply("result", juliet, "mine")) }, ""},
		{"from another resource", func(w *world, id string) { w.receive(reply("result", jid.MustParse("juliet@example.net/other"), id)) }, ""},
		{"from the bare JID", func(w *world, id string) { w.receive(reply("result", juliet.Bare(), id)) }, ""},
		{"an error from another", func(w *world, id string) { w.receive(reply("error", jid.MustParse("mallory@example.com/x"), id)) }, ""},
		{"from another, then the right one", func(w *world, id string) {
			w.receive(reply("result", jid.MustParse("mallory@example.com/x"), id))
			w.receive(reply("result", juliet, id))
		}, "answer <nil>"},
		{"a request with the ID", func(w *world, id string) { w.receive(reply("get", juliet, id)) }, ""},
		{"unloaded", func(w *world, _ string) {
			if err := w.scope.Close(w.t.Context()); err != nil {
				w.t.Error(err)
			}
		}, " " + ext.ErrClosed.Error()},
		{"an answer after the unload", func(w *world, id string) {
			if err := w.scope.Close(w.t.Context()); err != nil {
				w.t.Error(err)
			}
			w.receive(reply("result", juliet, id))
		}, " " + ext.ErrClosed.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.scope = w.load("module", func(*ext.Scope) {})
				var mu sync.Mutex // guards got
				var got []string
				ask := stanza.New(stanza.IQ, "get", host, juliet, "mine", payload("asked"))
				iq.Call(t.Context(), w.scope, w.Host, ask, wait, func(_ context.Context, st *stanza.Stanza, err error) {
					mu.Lock()
					defer mu.Unlock()
					got = append(got, outcome(st, err))
				})
				sent := w.took()
				if len(sent) != 1 || sent[0].To != juliet || sent[0].ID == "mine" || len(sent[0].ID) < 16 {
					t.Fatalf("sent: %v", sent)
				}
				tt.do(w, sent[0].ID)
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				if want := tt.want; (want == "") != (len(got) == 0) || len(got) > 1 || (want != "" && got[0] != want) {
					t.Errorf("got %q, want %q once", got, want)
				}
				if len(got) == 0 { // it is open still: the unload at the end answers it
					mu.Unlock()
					err := w.scope.Close(t.Context())
					mu.Lock()
					if err != nil || len(got) != 1 || got[0] != " "+ext.ErrClosed.Error() {
						t.Errorf("at the end: got %q, %v", got, err)
					}
				}
			})
		})
	}
}

// outcome is an answer as one text.
func outcome(st *stanza.Stanza, err error) string {
	text := fmt.Sprint(err)
	if cause, ok := errors.AsType[*stanza.Error](err); ok {
		text = string(cause.Condition)
	} else if st != nil {
		text = st.First().Text() + " " + text
	}
	if st == nil || err != nil {
		text = " " + text
	}
	return text
}

// receive plays an answer to the world.
func (w *world) receive(st *stanza.Stanza) { w.Host.Send(w.t.Context(), st) }

// One that does not answer may be asked 64 times; others are not in its way, and
// what is over makes room.
func TestTooMany(t *testing.T) {
	w := newWorld(t)
	s := w.load("module", func(*ext.Scope) {})
	refused := 0
	call := func(to jid.JID) {
		iq.Call(t.Context(), s, w.Host, stanza.New(stanza.IQ, "get", host, to, "", payload("")), time.Hour,
			func(_ context.Context, _ *stanza.Stanza, err error) {
				if errors.Is(err, iq.ErrTooMany) {
					refused++
				}
			})
	}
	for range 70 {
		call(juliet)
	}
	sent := w.took()
	if len(sent) != 64 || refused != 6 {
		t.Fatalf("%d were sent, %d refused, want 64 and 6", len(sent), refused)
	}
	call(jid.MustParse("nurse@example.net/x"))
	if len(w.took()) != 1 {
		t.Error("another was not asked")
	}
	w.receive(stanza.New(stanza.IQ, "result", juliet, host, sent[0].ID))
	call(juliet)
	call(juliet)
	if got := len(w.took()); got != 1 || refused != 7 {
		t.Errorf("%d were sent, %d refused in all, want 1 and 7", got, refused)
	}
}

// A call of a module that has gone is answered at once, and sends nothing; one
// whose answer panics keeps no Close waiting.
func TestCallClosed(t *testing.T) {
	ext.OnPanic(func(string, any, []byte) {})
	defer ext.OnPanic(nil)
	w := newWorld(t)
	ask := stanza.New(stanza.IQ, "get", host, juliet, "", payload(""))
	s := w.load("module", func(*ext.Scope) {})
	iq.Call(t.Context(), s, w.Host, ask, time.Hour, func(context.Context, *stanza.Stanza, error) { panic("on purpose") })
	w.took()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if got := ext.MeterOf(s).Total().Panics; got != 1 {
		t.Errorf("%d panics were counted", got)
	}
	var got error
	iq.Call(t.Context(), s, w.Host, ask, time.Hour, func(_ context.Context, _ *stanza.Stanza, err error) { got = err })
	if !errors.Is(got, ext.ErrClosed) || len(w.took()) != 0 {
		t.Errorf("got %v", got)
	}
}

// Calls, answers, timeouts and unloads at the same time: each call is answered
// once, and none after the Close of its module.
func TestCallHammer(t *testing.T) {
	w := newWorld(t)
	for range 30 {
		s := ext.NewScope(t.Context(), "module", w.Table)
		if err := ext.Swap(w.Table, []ext.Change{{New: s}}); err != nil {
			t.Fatal(err)
		}
		var calls sync.WaitGroup
		var answers sync.WaitGroup
		closed := make(chan struct{})
		for i := range 40 {
			answers.Add(1)
			calls.Go(func() {
				iq.Call(t.Context(), s, w.Host, stanza.New(stanza.IQ, "get", host, juliet, "", payload("")),
					time.Duration(i)*20*time.Microsecond, func(context.Context, *stanza.Stanza, error) {
						select {
						case <-closed:
							t.Error("answered after the Close")
						default:
						}
						answers.Done()
					})
				for _, st := range w.took() {
					w.receive(stanza.New(stanza.IQ, "result", juliet, host, st.ID))
				}
			})
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		calls.Wait() // those that came too late are answered by themselves
		answers.Wait()
		close(closed)
	}
}
