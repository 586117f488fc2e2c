// SPDX-License-Identifier: Apache-2.0

package smacks_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/route"
	corestanza "tercet/core/stanza"
	"tercet/core/storage"
	"tercet/modules"
	"tercet/modules/smacks"
)

const sm = "urn:xmpp:sm:3"

func resume(c *coretest.Client, id, h string) element.Element {
	c.Send("<resume xmlns='urn:xmpp:sm:3' previd='" + id + "' h='" + h + "'/>")
	return c.Next()
}

// away waits until the user's only session has no stream.
func away(t *testing.T, s *coretest.Server, user string) {
	t.Helper()
	coretest.Eventually(t, "hibernation of "+user, func() bool {
		all := s.Host(coretest.Domain).Sessions.Resources(user)
		return len(all) == 1 && all[0].Stream() == nil
	})
}

func TestResumptionThatFails(t *testing.T) {
	for _, c := range []struct {
		name, id, h string // an empty id is the right one
		bound       bool
		want        string // of <failed/>, or of the stream error's own condition
	}{
		{"unknown id", "guessed", "0", false, "item-not-found"},
		{"no id", " ", "0", false, "item-not-found"},
		{"h is no number", "", "many", false, "bad-request"},
		{"h is negative", "", "-1", false, "bad-request"},
		{"h is beyond 32 bits", "", "4294967296", false, "bad-request"},
		{"h is too high", "", "3", false, "handled-count-too-high"},
		{"a resource is bound", "", "0", true, "unexpected-request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := coretest.New(t, config, modules.All...)
			juliet, romeo := s.Login("juliet", "balcony"), s.Login("romeo", "orchard")
			id := enable(t, romeo)
			juliet.Send("<message to='romeo@example.org/orchard' type='chat' id='1'><body>one</body></message>")
			if got := stanza(t, romeo); got.Attr("id") != "1" {
				t.Fatalf("got %s, want message 1", got)
			}
			back := again(t, s, "romeo")
			if c.bound {
				back.Bind("home")
			}
			ask := c.id
			if ask == "" {
				ask = id
			}
			got := resume(back, ask, c.h)
			if !strings.Contains(got.String(), "<"+c.want+" ") {
				t.Errorf("got %s, want %s", got, c.want)
			}
			romeo.Send("<a xmlns='urn:xmpp:sm:3' h='1'/>")
			juliet.Send("<message to='romeo@example.org/orchard' type='chat' id='2'><body>two</body></message>")
			if got := stanza(t, romeo); got.Attr("id") != "2" {
				t.Errorf("the session has changed: got %s, want message 2", got)
			}
		})
	}
}

func TestSessionSurvivesACountThatIsTooHigh(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	romeo := s.Login("romeo", "orchard")
	id := enable(t, romeo)
	_ = romeo.Conn.Close() // the connection breaks
	away(t, s, "romeo")
	if got := resume(again(t, s, "romeo"), id, "9"); !got.Is(element.NSStream, "error") {
		t.Fatalf("got %s, want a stream error", got)
	}
	if got := resume(again(t, s, "romeo"), id, "0"); got.Local() != "resumed" {
		t.Errorf("got %s, want resumed", got)
	}
}

func TestWhatEndsASessionAtOnce(t *testing.T) {
	for name, end := range map[string]string{
		"end of the stream": "</stream:stream>",
		"malformed XML":     "<message></presence>",
		"unknown stanza":    "<letter/>",
	} {
		t.Run(name, func(t *testing.T) {
			s := coretest.New(t, config, modules.All...)
			romeo := s.Login("romeo", "orchard")
			id := enable(t, romeo)
			romeo.Send(end)
			coretest.Eventually(t, "end of the session", func() bool { return !s.Host(coretest.Domain).Connected("romeo") })
			if got := resume(again(t, s, "romeo"), id, "0"); got.Local() != "failed" || got.Attr("h") != "0" {
				t.Errorf("got %s, want failed with h", got)
			}
		})
	}
}

// TestCountBetweenEndAndOblivion resumes a session that is over while others
// are still told so.
func TestCountBetweenEndAndOblivion(t *testing.T) {
	over, on := make(chan struct{}), make(chan struct{})
	probe := module.Define("probe", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		route.Unbound.Handle(s, 1, func(context.Context, *route.SessionEvent) ext.Verdict {
			over <- struct{}{}
			<-on
			return ext.Next
		})
		return nil
	})
	s := coretest.New(t, strings.Replace(config, `modules_enabled = {`, `modules_enabled = { "probe",`, 1), append([]module.Definition{probe}, modules.All...)...)
	romeo := s.Login("romeo", "orchard")
	id := enable(t, romeo)
	romeo.Send("</stream:stream>")
	<-over
	got := resume(again(t, s, "romeo"), id, "0")
	close(on)
	if got.Local() != "failed" || got.Attr("h") != "0" {
		t.Errorf("got %s, want failed with h", got)
	}
}

func TestOptions(t *testing.T) {
	t.Run("no resumption", func(t *testing.T) {
		s := coretest.New(t, config+"smacks_hibernation_time = 0\n", modules.All...)
		romeo := s.Login("romeo", "orchard")
		romeo.Send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
		if got := romeo.Next(); got.Local() != "enabled" || got.Attr("resume") != "" || got.Attr("id") != "" {
			t.Errorf("got %s, want enabled without resumption", got)
		}
	})
	t.Run("less time", func(t *testing.T) {
		s := coretest.New(t, config+"smacks_hibernation_time = 300\n", modules.All...)
		for ask, want := range map[string]string{"5": "5", "9999": "300", "-3": "300", "x": "300"} {
			romeo := s.Login("romeo", "r"+ask)
			romeo.Send("<enable xmlns='urn:xmpp:sm:3' resume='1' max='" + ask + "'/>")
			if got := romeo.Next(); got.Attr("max") != want {
				t.Errorf("max %s: got %s, want %s", ask, got, want)
			}
		}
	})
	t.Run("no old sessions", func(t *testing.T) {
		s := coretest.New(t, config+"smacks_max_old_sessions = 0\n", modules.All...)
		romeo := s.Login("romeo", "orchard")
		id := enable(t, romeo)
		romeo.Send("</stream:stream>")
		romeo.Ended()
		coretest.Eventually(t, "end of the session", func() bool { return !s.Host(coretest.Domain).Connected("romeo") })
		if got := resume(again(t, s, "romeo"), id, "0"); got.Local() != "failed" {
			t.Errorf("got %s, want failed", got)
		} else if _, told := got.LookupAttr("h"); told {
			t.Errorf("got %s, want no h", got)
		}
	})
}

func send(c *coretest.Client, ids ...string) {
	for _, id := range ids {
		c.Send("<message to='romeo@example.org/orchard' type='chat' id='" + id + "'><body>x</body></message>")
	}
}

func TestMaxUnackedDelaysTheQuestion(t *testing.T) {
	for _, c := range []struct {
		name, options, before string
		want                  int // messages before <r/>
	}{
		{"at once", "", "", 1},
		{"later", "smacks_max_unacked_stanzas = 2\n", "", 3},
		{"inactive", "smacks_max_inactive_unacked_stanzas = 3\n", "<inactive xmlns='urn:xmpp:csi:0'/>", 4},
		{"active again", "smacks_max_inactive_unacked_stanzas = 3\n", "<inactive xmlns='urn:xmpp:csi:0'/><active xmlns='urn:xmpp:csi:0'/>", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := coretest.New(t, "modules_enabled = { \"smacks\", \"ping\", \"csi\" }\n"+c.options, modules.All...)
			juliet, romeo := s.Login("juliet", "balcony"), s.Login("romeo", "orchard")
			enable(t, romeo)
			romeo.Send(c.before + "<r xmlns='urn:xmpp:sm:3'/>")
			if got := romeo.Next(); got.Local() != "a" {
				t.Fatalf("got %s, want a", got)
			}
			send(juliet, "1", "2", "3", "4")
			n := 0
			for ; ; n++ {
				if e := romeo.Next(); e.Is(sm, "r") {
					break
				}
			}
			if n != c.want {
				t.Errorf("asked after %d messages, want %d", n, c.want)
			}
		})
	}
}

// witness is a module that writes down what happens.
type witness struct {
	mu   sync.Mutex
	seen []string
}

func (w *witness) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, fmt.Sprintf(format, args...))
}

func (w *witness) is(want string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.seen, " ") == want
}

func (w *witness) module() module.Definition {
	return module.Define("witness", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		smacks.HibernationStart.Handle(s, 0, func(_ context.Context, ev *smacks.HibernationEvent) ext.Verdict {
			w.note("start:%d", len(ev.Queue))
			return ext.Next
		})
		smacks.HibernationQueued.Handle(s, 0, func(_ context.Context, ev *smacks.QueuedEvent) ext.Verdict {
			w.note("queued:%s", ev.Stanza.ID)
			return ext.Next
		})
		smacks.HibernationEnd.Handle(s, 0, func(_ context.Context, ev *smacks.HibernationEvent) ext.Verdict {
			w.note("end:%d:%v", len(ev.Queue), ev.Resumed)
			return ext.Next
		})
		smacks.AckDelayed.Handle(s, 0, func(_ context.Context, ev *smacks.HibernationEvent) ext.Verdict {
			w.note("delayed:%d", len(ev.Queue))
			return ext.Next
		})
		return nil
	})
}

func TestEventsOfHibernation(t *testing.T) {
	w := new(witness)
	s := coretest.New(t, "modules_enabled = { \"smacks\", \"ping\", \"witness\" }\n", append([]module.Definition{w.module()}, modules.All...)...)
	juliet, romeo := s.Login("juliet", "balcony"), s.Login("romeo", "orchard")
	id := enable(t, romeo)
	send(juliet, "1")
	stanza(t, romeo)
	_ = romeo.Conn.Close() // the connection breaks
	away(t, s, "romeo")
	send(juliet, "2")
	coretest.Eventually(t, "the stanza is told", func() bool { return w.is("start:1 queued:2") })
	if got := resume(again(t, s, "romeo"), id, "1"); got.Local() != "resumed" {
		t.Fatalf("got %s, want resumed", got)
	}
	coretest.Eventually(t, "the resumption is told", func() bool { return w.is("start:1 queued:2 end:1:true") })
}

// Limit and Since say how long a session waits; Wait changes it, until the
// session is resumed or over.
func TestWaitChangesHowLongASessionWaits(t *testing.T) {
	events := make(chan *smacks.HibernationEvent, 1)
	waits := module.Define("waits", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		smacks.HibernationStart.Handle(s, 0, func(_ context.Context, ev *smacks.HibernationEvent) ext.Verdict {
			switch ev.Session.JID.Local() {
			case "patient":
				ev.Wait(time.Hour)
			case "hasty":
				ev.Wait(0)
			}
			events <- ev
			return ext.Next
		})
		return nil
	})
	serve := func(seconds int) *coretest.Server {
		return coretest.New(t, fmt.Sprintf("modules_enabled = { \"smacks\", \"waits\" }\nsmacks_hibernation_time = %d\n", seconds), append([]module.Definition{waits}, modules.All...)...)
	}
	sleep := func(s *coretest.Server, user string) (id string, start *smacks.HibernationEvent) {
		c := s.Login(user, "phone")
		id = enable(t, c)
		_ = c.Conn.Close() // the connection breaks
		return id, <-events
	}
	gone := func(s *coretest.Server, user string) bool {
		return len(s.Host(coretest.Domain).Sessions.Resources(user)) == 0
	}

	s := serve(600)
	_, start := sleep(s, "hasty")
	if start.Limit != 10*time.Minute || time.Since(start.Since) > time.Minute {
		t.Errorf("it waits for %v since %v", start.Limit, start.Since)
	}
	coretest.Eventually(t, "the end of the session", func() bool { return gone(s, "hasty") })

	s = serve(1)
	id, start := sleep(s, "patient")
	_, _ = sleep(s, "usual") // later than the other
	coretest.Eventually(t, "the end of the usual time", func() bool { return gone(s, "usual") })
	if gone(s, "patient") || !start.Wait(time.Hour) {
		t.Fatal("the session does not wait")
	}
	if got := resume(again(t, s, "patient"), id, "0"); got.Local() != "resumed" {
		t.Fatalf("got %s, want resumed", got)
	}
	if start.Wait(0) {
		t.Error("the session has been resumed, and Wait says that it waits")
	}
}

func TestDelayedAnswerIsTold(t *testing.T) {
	w := new(witness)
	s := coretest.New(t, "modules_enabled = { \"smacks\", \"ping\", \"witness\" }\nsmacks_max_ack_delay = 1\n", append([]module.Definition{w.module()}, modules.All...)...)
	juliet, romeo := s.Login("juliet", "balcony"), s.Login("romeo", "orchard")
	romeo.Send("<enable xmlns='urn:xmpp:sm:3'/>") // also without resumption
	romeo.Next()
	send(juliet, "1")
	stanza(t, romeo)
	coretest.Eventually(t, "the delay is told", func() bool { return w.is("delayed:1") })
	romeo.Send("<a xmlns='urn:xmpp:sm:3' h='1'/>")
}

func TestEndOfHibernationIsToldHoweverItEnds(t *testing.T) {
	w := new(witness)
	s := coretest.New(t, "modules_enabled = { \"smacks\", \"ping\", \"witness\" }\nsmacks_max_queue_size = 1\nmax_ack_queue = 1\n", append([]module.Definition{w.module()}, modules.All...)...)
	juliet, romeo := s.Login("juliet", "balcony"), s.Login("romeo", "orchard")
	enable(t, romeo)
	_ = romeo.Conn.Close() // the connection breaks
	away(t, s, "romeo")
	s.Reconfigure("modules_enabled = { \"smacks\", \"ping\", \"witness\" }\nsmacks_max_queue_size = 2\nmax_ack_queue = 1\n")
	send(juliet, "1", "2")
	coretest.Eventually(t, "the end is told", func() bool {
		return w.is("start:0 queued:1 end:1:false") || w.is("start:0 end:1:false queued:1") || w.is("start:0 end:1:false")
	})
	coretest.Eventually(t, "end of the session", func() bool { return !s.Host(coretest.Domain).Connected("romeo") })
}

// slow is a module whose storage takes its time with messages of ID "slow".
func slow(commits chan<- *storage.Batch) module.Definition {
	return module.Define("slow", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		route.Out[corestanza.Message][route.Full].Handle(s, 5, func(_ context.Context, ev *route.Event) ext.Verdict {
			if ev.Stanza.ID == "slow" {
				b := storage.NewBatch(nil)
				ev.Await(b.Commit())
				commits <- b
			}
			return ext.Next
		})
		return nil
	})
}

func slowServer(t *testing.T) (*coretest.Server, <-chan *storage.Batch) {
	t.Helper()
	commits := make(chan *storage.Batch, 4)
	return coretest.New(t, "modules_enabled = { \"smacks\", \"ping\", \"slow\" }\n", append([]module.Definition{slow(commits)}, modules.All...)...), commits
}

func TestAnswerIsOwedUntilTheArchiveCommits(t *testing.T) {
	s, commits := slowServer(t)
	juliet, romeo := s.Login("juliet", "balcony"), s.Login("romeo", "orchard")
	enable(t, romeo)
	romeo.Send("<message to='juliet@example.org/balcony' id='fast'/><message to='juliet@example.org/balcony' id='slow'/>" +
		"<message to='juliet@example.org/balcony' id='fast'/><r xmlns='urn:xmpp:sm:3'/>")
	if got := romeo.Next(); got.Local() != "a" || got.Attr("h") != "1" {
		t.Fatalf("got %s, want h=1", got)
	}
	for range 3 {
		juliet.Next() // delivery does not wait
	}
	b := <-commits
	b.Finish(nil)
	b.Run()
	if got := romeo.Next(); got.Local() != "a" || got.Attr("h") != "3" {
		t.Fatalf("got %s, want h=3", got)
	}
}

func TestStanzaWhoseCommitFailsIsSentAgain(t *testing.T) {
	s, commits := slowServer(t)
	s.Login("juliet", "balcony")
	romeo := s.Login("romeo", "orchard")
	id := enable(t, romeo)
	romeo.Send("<message to='juliet@example.org/balcony' id='slow'/>")
	b := <-commits
	b.Finish(errors.New("the disk is full"))
	b.Run()
	if cause := romeo.Ended(); cause.First().Local() != "resource-constraint" {
		t.Fatalf("ended with %s, want resource-constraint", cause)
	}
	back := again(t, s, "romeo")
	if got := resume(back, id, "0"); got.Local() != "resumed" || got.Attr("h") != "0" {
		t.Fatalf("got %s, want resumed with h=0", got)
	}
	back.Send("<message to='juliet@example.org/balcony' id='again'/><r xmlns='urn:xmpp:sm:3'/>")
	if got := back.Next(); got.Local() != "a" || got.Attr("h") != "1" {
		t.Errorf("got %s, want h=1", got)
	}
}

func TestUnacknowledgedGoesToWhoeverIsThere(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	juliet, romeo, home := s.Login("juliet", "balcony"), s.Login("romeo", "orchard"), s.Login("romeo", "home")
	enable(t, romeo)
	home.Send("<presence/><iq type='set' id='e'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
	home.Next()
	home.Next()
	romeo.Send("<iq type='set' id='e'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
	stanza(t, romeo)
	juliet.Send("<message to='romeo@example.org' type='chat' id='bare'><body>x</body></message>") // romeo gets a copy
	if got := home.Next(); got.Attr("id") != "bare" {
		t.Fatalf("got %s, want the message", got)
	}
	juliet.Send("<message to='romeo@example.org/orchard' type='headline' id='h'><body>x</body></message>")
	juliet.Send("<message to='romeo@example.org/orchard' type='chat' id='copied'><body>x</body></message>")
	juliet.Send("<message to='romeo@example.org/orchard' type='normal' id='n'><x xmlns='urn:example:x'/><no-copy xmlns='urn:xmpp:hints'/></message>")
	juliet.Quiet()
	if got := home.Next(); got.Child("urn:xmpp:carbons:2", "received").IsZero() {
		t.Fatalf("got %s, want a copy", got)
	}
	romeo.Send("</stream:stream>")
	romeo.Ended()
	if got := home.Next(); got.Attr("id") != "n" || got.Child("urn:xmpp:delay", "delay").IsZero() {
		t.Errorf("got %s, want n with its time", got)
	}
	home.Quiet() // the headline, and what it has a copy of, are not delivered again
	juliet.Quiet()
}

func TestArchivedIDIsTheSameWhenSentAgain(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	juliet, romeo := s.Login("juliet", "balcony"), s.Login("romeo", "orchard")
	id := enable(t, romeo)
	send(juliet, "1")
	first := stanza(t, romeo).Child("urn:xmpp:sid:0", "stanza-id").Attr("id")
	_ = romeo.Conn.Close() // the connection breaks
	back := again(t, s, "romeo")
	if got := resume(back, id, "0"); got.Local() != "resumed" {
		t.Fatalf("got %s, want resumed", got)
	}
	if again := stanza(t, back).Child("urn:xmpp:sid:0", "stanza-id").Attr("id"); first == "" || again != first {
		t.Errorf("got stanza-id %q and %q, want the same", first, again)
	}
}

func TestHeldStanzasAreKeptForResumption(t *testing.T) {
	s := coretest.New(t, "modules_enabled = { \"smacks\", \"ping\", \"csi_simple\" }\n", modules.All...)
	juliet, romeo := s.Login("juliet", "balcony"), s.Login("romeo", "orchard")
	id := enable(t, romeo)
	romeo.Send("<inactive xmlns='urn:xmpp:csi:0'/><r xmlns='urn:xmpp:sm:3'/>")
	romeo.Next()
	typing := "<composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
	juliet.Send("<message to='romeo@example.org/orchard' type='chat' id='1'>" + typing)
	juliet.Quiet()
	_ = romeo.Conn.Close() // the connection breaks
	away(t, s, "romeo")
	juliet.Send("<message to='romeo@example.org/orchard' type='chat' id='2'>" + typing)
	juliet.Quiet()
	back := again(t, s, "romeo")
	if got := resume(back, id, "0"); got.Local() != "resumed" {
		t.Fatalf("got %s, want resumed", got)
	}
	juliet.Send("<message to='romeo@example.org/orchard' type='chat' id='3'>" + typing) // the client is active now
	for _, want := range []string{"1", "2", "3"} {
		if got := stanza(t, back); got.Attr("id") != want {
			t.Errorf("got %s, want message %s", got, want)
		}
	}
}

func TestFullQueueEndsASessionAfterAReload(t *testing.T) {
	s := coretest.New(t, config+"smacks_max_queue_size = 3\nmax_ack_queue = 1\n", modules.All...)
	juliet, romeo := s.Login("juliet", "balcony"), s.Login("romeo", "orchard")
	enable(t, romeo)
	s.Reconfigure(config + "smacks_max_queue_size = 4\nmax_ack_queue = 1\n")
	send(juliet, "1", "2", "3", "4", "5", "6")
	if cause := romeo.Ended(); cause.First().Local() != "policy-violation" {
		t.Errorf("ended with %s, want policy-violation", cause)
	}
}

func TestTwoStreamsResumeAtOnce(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	juliet := s.Login("juliet", "balcony")
	for range 20 {
		romeo := s.Login("romeo", "orchard")
		id := enable(t, romeo)
		a, b := again(t, s, "romeo"), again(t, s, "romeo")
		var wg sync.WaitGroup
		for _, c := range []*coretest.Client{a, b} {
			wg.Go(func() { c.Send("<resume xmlns='urn:xmpp:sm:3' previd='" + id + "' h='0'/>") })
		}
		wg.Wait()
		coretest.Eventually(t, "both are done", func() bool { return s.Env.Streams.Len() == 2 })
		alive := 0
		for _, c := range []*coretest.Client{a, b} {
			if got := c.Next(); got.Local() != "resumed" {
				t.Fatalf("got %s, want resumed", got)
			}
			if _, err := c.Try(10 * time.Millisecond); err == nil {
				continue // conflict
			}
			alive++
			c.Send("<message to='juliet@example.org/balcony' id='m'/>")
			if got := juliet.Next(); got.Attr("id") != "m" {
				t.Fatalf("got %s, want the message", got)
			}
			c.Send("</stream:stream>")
		}
		if alive != 1 {
			t.Fatalf("%d streams have the session, want 1", alive)
		}
		coretest.Eventually(t, "end of the session", func() bool { return !s.Host(coretest.Domain).Connected("romeo") })
	}
}
