// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/modules"
	"tercet/modules/presence"
	"tercet/modules/roster"
)

// other is a host on which nothing but a witness is told of presence.
const other = "example.net"

// witness notes the presence that comes to a host, and stops it.
type witness struct {
	mu   sync.Mutex // guards seen
	seen []string
}

func (w *witness) module() module.Definition {
	return module.Define("witness", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		for _, t := range [...]route.Target{route.Full, route.Bare} {
			route.In[stanza.Presence][t].Handle(s, 1000, func(_ context.Context, ev *route.Event) ext.Verdict {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.seen = append(w.seen, cmp.Or(ev.Stanza.Type, "available"))
				return ext.Stop
			})
		}
		return nil
	})
}

func (w *witness) take() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := strings.Join(w.seen, " ")
	w.seen = nil
	return all
}

const twoHosts = `
modules_enabled = { "ping" }
VirtualHost "` + coretest.Domain + `"
VirtualHost "` + other + `"
    modules_enabled = { "witness" }
`

// The states of RFC 6121 A.1.
var states = map[string]roster.Item{
	"none":   {},
	"out":    {Ask: true},
	"in":     {Pending: []byte("<presence type='subscribe'/>")},
	"out+in": {Ask: true, Pending: []byte("<presence type='subscribe'/>")},
	"to":     {To: true},
	"to+in":  {To: true, Pending: []byte("<presence type='subscribe'/>")},
	"from":   {From: true},
	"fr+out": {From: true, Ask: true},
	"both":   {To: true, From: true},
}

func nameOf(i roster.Item) string {
	for name, s := range states {
		if s.To == i.To && s.From == i.From && s.Ask == i.Ask && (s.Pending != nil) == (i.Pending != nil) {
			return name
		}
	}
	return fmt.Sprintf("impossible: %+v", i)
}

// transitions are the tables of RFC 6121 A.2 and A.3: the state before, then
// what becomes of it by the four types in the order subscribe, unsubscribe,
// subscribed, unsubscribed; "!" means that the stanza goes on, to the contact
// (A.2) or to the user's clients (A.3), "a" that the server answers subscribed,
// "p" that it notes a pre-approval.
var transitions = []struct{ state, subscribe, unsubscribe, subscribed, unsubscribed string }{
	{"none", "out !", "none !", "none p", "none"},
	{"out", "out !", "none !", "out p", "out"},
	{"in", "out+in !", "in !", "from !", "none !"},
	{"out+in", "out+in !", "in !", "fr+out !", "out !"},
	{"to", "to !", "none !", "to p", "to"},
	{"to+in", "to+in !", "in !", "both !", "to !"},
	{"from", "fr+out !", "from !", "from", "none !"},
	{"fr+out", "fr+out !", "from !", "fr+out", "out !"},
	{"both", "both !", "from !", "both", "to !"},
}

var received = []struct{ state, subscribe, unsubscribe, subscribed, unsubscribed string }{
	{"none", "in !", "none", "none", "none"},
	{"out", "out+in !", "out", "to !", "none !"},
	{"in", "in", "none !", "in", "in"},
	{"out+in", "out+in", "out !", "to+in !", "in !"},
	{"to", "to+in !", "to", "to", "none !"},
	{"to+in", "to+in", "to !", "to+in", "in !"},
	{"from", "from a", "none !", "from", "from"},
	{"fr+out", "fr+out a", "out !", "both !", "from !"},
	{"both", "both a", "to !", "both", "from !"},
}

var types = [...]string{"subscribe", "unsubscribe", "subscribed", "unsubscribed"}

// a stage is a server with one client of romeo's that is available and has
// asked for its roster.
type stage struct {
	*coretest.Server
	t       *testing.T
	w       *witness
	client  *coretest.Client
	rosters roster.Contacts
}

func newStage(t *testing.T) *stage {
	t.Helper()
	w := new(witness)
	s := coretest.New(t, twoHosts, append([]module.Definition{w.module()}, modules.All...)...)
	c := s.Login("romeo", "orchard")
	c.Send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq><presence/>")
	c.Next()
	c.Next()
	return &stage{s, t, w, c, coretest.Service(s, coretest.Domain, roster.Service)}
}

// in is the stage in a part of the test.
func (s *stage) in(t *testing.T) *stage {
	part := *s
	part.t = t
	return &part
}

func (s *stage) item(contact jid.JID) (roster.Item, bool) {
	s.t.Helper()
	r, err := s.rosters.Roster(s.t.Context(), "romeo")
	if err != nil {
		s.t.Fatal(err)
	}
	i, ok := r.Items[contact]
	return i, ok
}

// put brings an item to a state; in the states none and in there is no item
// that a client sees unless shown.
func (s *stage) put(contact jid.JID, state string, shown bool) {
	s.t.Helper()
	i := states[state]
	i.Hidden = !shown && (state == "none" || state == "in")
	err := s.rosters.Edit(s.t.Context(), "romeo", contact, func(roster.Item) (roster.Item, bool) { return i, !i.Hidden || state == "in" })
	if err != nil {
		s.t.Fatal(err)
	}
	s.drain()
	s.w.take()
}

// drain returns what the client has got: the types of presence.
func (s *stage) drain() string {
	s.t.Helper()
	s.client.Send("<iq type='get' id='mark'><ping xmlns='urn:xmpp:ping'/></iq>")
	var got []string
	for {
		e := s.client.Next()
		switch {
		case e.Attr("id") == "mark":
			return strings.Join(got, " ")
		case e.Local() == "presence":
			got = append(got, e.Attr("type"))
		case e.Is(element.NSClient, "iq") && e.Attr("type") == "set":
			got = append(got, "push")
		}
	}
}

// differ reports whether clients see the difference.
func differ(a, b roster.Item) bool { return a.To != b.To || a.From != b.From || a.Ask != b.Ask }

func TestOutbound(t *testing.T) {
	all := newStage(t)
	n := 0
	for _, row := range transitions {
		for k, want := range [...]string{row.subscribe, row.unsubscribe, row.subscribed, row.unsubscribed} {
			for _, shown := range [...]bool{false, true} {
				n++
				contact := jid.MustParse(fmt.Sprintf("juliet%d@%s", n, other))
				t.Run(fmt.Sprintf("%s/%s/shown=%t", row.state, types[k], shown), func(t *testing.T) {
					s := all.in(t)
					s.put(contact, row.state, shown)
					before, had := s.item(contact)
					s.client.Send("<presence type='" + types[k] + "' to='" + contact.String() + "/balcony'/>")
					got := s.drain()
					after, has := s.item(contact)
					state, mark, _ := strings.Cut(want, " ")
					if nameOf(after) != state {
						t.Errorf("state is %s, want %s", nameOf(after), state)
					}
					if after.Approved != (mark == "p") {
						t.Errorf("approved is %t", after.Approved)
					}
					wanted := ""
					switch {
					case mark != "!":
					case !before.From && after.From:
						wanted = types[k] + " available"
					case before.From && !after.From:
						wanted = "unavailable " + types[k]
					default:
						wanted = types[k]
					}
					if told := s.w.take(); told != wanted {
						t.Errorf("the contact got %q, want %q", told, wanted)
					}
					visible := has && !after.Hidden
					pushed := visible != (had && !before.Hidden) || visible && differ(before, after) || mark == "p"
					if (got == "push") != pushed {
						t.Errorf("the client got %q, pushed should be %t", got, pushed)
					}
				})
			}
		}
	}
}

func TestInbound(t *testing.T) {
	all := newStage(t)
	n := 0
	for _, row := range received {
		for k, want := range [...]string{row.subscribe, row.unsubscribe, row.subscribed, row.unsubscribed} {
			for _, shown := range [...]bool{false, true} {
				n++
				contact := jid.MustParse(fmt.Sprintf("juliet%d@%s", n, other))
				t.Run(fmt.Sprintf("%s/%s/shown=%t", row.state, types[k], shown), func(t *testing.T) {
					s := all.in(t)
					s.put(contact, row.state, shown)
					before, had := s.item(contact)
					s.Host(coretest.Domain).Send(t.Context(), stanza.New(stanza.Presence, types[k], contact, jid.MustParse("romeo@example.org"), "x"))
					got := s.drain()
					after, has := s.item(contact)
					state, mark, _ := strings.Cut(want, " ")
					if nameOf(after) != state {
						t.Errorf("state is %s, want %s", nameOf(after), state)
					}
					var wanted []string
					if mark == "!" {
						wanted = append(wanted, types[k])
					}
					visible := has && !after.Hidden
					if was := had && !before.Hidden; visible != was || visible && differ(before, after) {
						wanted = append(wanted, "push")
					}
					if want := strings.Join(wanted, " "); got != want {
						t.Errorf("the client got %q, want %q", got, want)
					}
					answer := map[bool]string{true: "subscribed available", false: ""}[mark == "a"]
					if before.From && !after.From {
						answer = "unavailable"
					}
					if told := s.w.take(); told != answer {
						t.Errorf("the contact got %q, want %q", told, answer)
					}
				})
			}
		}
	}
}

// TestApproved is RFC 6121 section 3.4.2: a request from someone who is
// approved is answered at once, whatever else there is between the two.
func TestApproved(t *testing.T) {
	for state, want := range map[string]string{"none": "from", "out": "fr+out", "to": "both"} {
		t.Run(state, func(t *testing.T) {
			s := newStage(t)
			contact := jid.MustParse("juliet@" + other)
			s.put(contact, state, true)
			s.client.Send("<presence type='subscribed' to='" + contact.String() + "'/>")
			s.drain()
			s.Host(coretest.Domain).Send(t.Context(), stanza.New(stanza.Presence, "subscribe", contact, jid.MustParse("romeo@example.org"), "x"))
			if got := s.drain(); got != "push" {
				t.Errorf("the client got %q, want a push", got)
			}
			if i, _ := s.item(contact); nameOf(i) != want {
				t.Errorf("state is %s, want %s", nameOf(i), want)
			}
			if told := s.w.take(); told != "subscribed available" {
				t.Errorf("the contact got %q, want subscribed and a presence", told)
			}
		})
	}
}

// TestInitialOnce: the hook is fired when a resource becomes available, not
// for its later presence.
func TestInitialOnce(t *testing.T) {
	fired := make(chan string, 10)
	mod := module.Define("herald", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		presence.Initial.Handle(s, 0, func(_ context.Context, ev *presence.InitialEvent) ext.Verdict {
			fired <- ev.Session.JID.String()
			return ext.Next
		})
		return nil
	}).Auto()
	s := coretest.New(t, `modules_enabled = { "ping" }`, append([]module.Definition{mod}, modules.All...)...)
	c := s.Login("romeo", "orchard")
	c.Send("<presence/><presence><show>away</show></presence><presence type='unavailable'/><presence/>")
	for range 4 {
		c.Next()
	}
	c.Quiet()
	if len(fired) != 2 {
		t.Errorf("fired %d times, want 2", len(fired))
	}
}
