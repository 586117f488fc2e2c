// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/core/storage"
	"tercet/modules"
)

// states are what RFC 6121 section 8.5 distinguishes of a recipient: its
// resources and their priorities. Nobody has no account.
var states = map[string][]resource{
	"nobody":   nil,
	"absent":   nil,
	"silent":   {{name: "mute", unavailable: true}},
	"negative": {{name: "low", priority: -1}},
	"single":   {{name: "only", priority: 1}},
	"several":  {{name: "high", priority: 5}, {name: "mid", priority: 1}, {name: "low", priority: -1}},
	"tied":     {{name: "left", priority: 5}, {name: "right", priority: 5}, {name: "mid", priority: 0}},
}

type resource struct {
	name        string
	priority    int
	unavailable bool // bound, without presence
}

// The outcomes beside the names of the resources that get the stanza.
const (
	bounced = "service-unavailable"
	kept    = "kept"
	dropped = ""
)

// rows is the table of RFC 6121 section 8.5. A target is a state, and a
// resource of it: one that is there, or "gone".
var rows = []struct{ kind, types, target, want string }{
	// 8.5.1: no such account.
	{"message", " normal chat bogus groupchat", "nobody", bounced},
	{"message", " normal chat bogus groupchat", "nobody/gone", bounced},
	{"message", "headline error", "nobody", dropped},
	{"message", "headline error", "nobody/gone", dropped},
	{"presence", " unavailable error", "nobody", dropped},
	{"presence", " unavailable error", "nobody/gone", dropped},
	{"iq", "get set", "nobody", bounced},
	{"iq", "get set", "nobody/gone", bounced},
	{"iq", "result error", "nobody", dropped},
	{"iq", "result error", "nobody/gone", dropped},

	// 8.5.2.1: a bare JID with resources that take messages.
	{"message", " normal chat bogus", "single", "only"},
	{"message", "headline", "single", "only"},
	{"message", " normal chat bogus", "several", "high"},
	{"message", "headline", "several", "high mid"},
	{"message", " normal chat bogus", "tied", "left right"},
	{"message", "headline", "tied", "left mid right"},
	{"message", "groupchat", "single", bounced},
	{"message", "groupchat", "several", bounced},
	{"message", "error", "single", dropped},
	{"message", "error", "several", dropped},
	{"presence", " unavailable", "single", "only"},
	{"presence", " unavailable", "several", "high low mid"},
	{"presence", " unavailable", "tied", "left mid right"},
	{"presence", "error", "several", dropped},
	{"iq", "get set", "single", bounced},
	{"iq", "get set", "several", bounced},
	{"iq", "result error", "several", dropped},

	// 8.5.2.1 and 8.5.2.2: none but negative priorities.
	{"message", " normal chat bogus", "negative", kept},
	{"message", "groupchat", "negative", bounced},
	{"message", "headline error", "negative", dropped},
	{"presence", " unavailable", "negative", "low"},
	{"iq", "get set", "negative", bounced},

	// 8.5.2.2: no available resource.
	{"message", " normal chat bogus", "absent", kept},
	{"message", "groupchat", "absent", bounced},
	{"message", "headline error", "absent", dropped},
	{"presence", " unavailable error", "absent", dropped},
	{"iq", "get set", "absent", bounced},
	{"iq", "result error", "absent", dropped},
	{"message", " normal chat bogus", "silent", kept},
	{"message", "groupchat", "silent", bounced},
	{"message", "headline error", "silent", dropped},
	{"presence", " unavailable", "silent", dropped},

	// 8.5.3.1: a full JID with a resource, available or not.
	{"message", " normal chat groupchat headline error bogus", "several/mid", "mid"},
	{"message", " normal chat groupchat headline error bogus", "several/low", "low"},
	{"message", " normal chat groupchat headline error bogus", "negative/low", "low"},
	{"message", " normal chat groupchat headline error bogus", "silent/mute", "mute"},
	{"presence", " unavailable error", "several/low", "low"},
	{"iq", "get set result error", "several/low", "low"},
	{"iq", "get set result error", "silent/mute", "mute"},

	// 8.5.3.2: a full JID without one.
	{"message", " normal chat bogus", "single/gone", "only"},
	{"message", " normal chat bogus", "several/gone", "high"},
	{"message", " normal chat bogus", "tied/gone", "left right"},
	{"message", " normal chat bogus", "negative/gone", kept},
	{"message", " normal chat bogus", "absent/gone", kept},
	{"message", "groupchat", "several/gone", bounced},
	{"message", "groupchat", "absent/gone", bounced},
	{"message", "headline error", "several/gone", dropped},
	{"message", "headline error", "absent/gone", dropped},
	{"presence", " unavailable error", "several/gone", dropped},
	{"presence", " unavailable error", "absent/gone", dropped},
	{"iq", "get set", "several/gone", bounced},
	{"iq", "get set", "absent/gone", bounced},
	{"iq", "result error", "several/gone", dropped},
}

// TestTable sends each kind and type of stanza to each kind of recipient.
func TestTable(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "ping", "roster" }`, modules.All...)
	h := house{Server: s, clients: make(map[string][]guest)}
	for name, list := range states {
		if name != "nobody" {
			s.AddUser(coretest.Domain, name, coretest.Password(name))
		}
		for _, r := range list {
			c := s.Login(name, r.name)
			if !r.unavailable {
				c.Send(fmt.Sprintf("<presence><priority>%d</priority></presence>", r.priority))
			}
			collect(t, c)
			h.clients[name] = append(h.clients[name], guest{r.name, c})
		}
	}
	romeo := s.Login("romeo", "orchard")
	for _, row := range rows {
		for typ := range strings.SplitSeq(row.types, " ") {
			t.Run(fmt.Sprintf("%s %s to %s", row.kind, typ, row.target), func(t *testing.T) {
				if got := h.send(t, romeo, row.kind, typ, row.target); got != row.want {
					t.Errorf("got %q, want %q", got, row.want)
				}
			})
		}
	}
}

type guest struct {
	name string
	*coretest.Client
}

type house struct {
	*coretest.Server
	clients map[string][]guest
}

// send sends one stanza and tells what becomes of it.
func (h *house) send(t *testing.T, from *coretest.Client, kind, typ, target string) string {
	t.Helper()
	user, resource, full := strings.Cut(target, "/")
	to := user + "@" + coretest.Domain
	if full {
		to += "/" + resource
	}
	attr := ""
	if typ != "" {
		attr = " type='" + typ + "'"
	}
	payload := map[string]string{"message": "<body>hi</body>", "presence": "", "iq": "<x xmlns='urn:example'/>"}[kind]
	for _, c := range h.clients[user] { // what earlier presence has caused
		collect(t, c.Client)
	}
	before := h.stored(t, user)
	from.Send(fmt.Sprintf("<%s id='s' to='%s'%s>%s</%s>", kind, to, attr, payload, kind))
	var got []string
	for _, e := range collect(t, from) {
		if e.Local() != kind || e.Attr("type") != "error" || e.Attr("id") != "s" || e.Attr("from") != to {
			t.Errorf("the sender gets %s", e)
			continue
		}
		got = append(got, condition(e))
	}
	for _, c := range h.clients[user] {
		for _, e := range collect(t, c.Client) {
			if e.Local() != kind || e.Attr("id") != "s" || e.Attr("from") != from.JID || e.Attr("type") != typ || e.Attr("to") != to {
				t.Errorf("%s gets %s", c.name, e)
			}
			got = append(got, c.name)
		}
	}
	for range h.stored(t, user) - before {
		got = append(got, kept)
	}
	slices.Sort(got)
	return strings.Join(got, " ")
}

func (h *house) stored(t *testing.T, user string) int {
	t.Helper()
	d, err := h.Env.Storage.Open("memory")
	if err != nil {
		t.Fatal(err)
	}
	a, err := d.Archive(coretest.Domain, "offline")
	if err != nil {
		t.Fatal(err)
	}
	n, err := a.Count(t.Context(), user, storage.Query{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// collect returns what has come to a client until now.
func collect(t *testing.T, c *coretest.Client) (list []element.Element) {
	t.Helper()
	c.Send("<iq type='get' id='until-now'><ping xmlns='urn:xmpp:ping'/></iq>")
	for {
		e := c.Next()
		if e.Attr("id") == "until-now" {
			return list
		}
		list = append(list, e)
	}
}

func condition(e element.Element) string {
	for c := range e.Child(element.NSClient, "error").Children() {
		if c.Space() == "urn:ietf:params:xml:ns:xmpp-stanzas" && c.Local() != "text" {
			return c.Local()
		}
	}
	return ""
}
