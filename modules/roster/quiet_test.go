// SPDX-License-Identifier: Apache-2.0

package roster_test

import (
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/core/jid"
	"tercet/modules"
	"tercet/modules/roster"
)

// TestQuiet: changes that are noted are stored and seen by who asks; clients
// are told when it is said.
func TestQuiet(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "ping" }`, modules.All...)
	romeo := s.Login("romeo", "orchard")
	romeo.Send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
	romeo.Next()
	juliet := jid.MustParse("juliet@example.org")
	scribe := coretest.Service(s, coretest.Domain, roster.Quiet)
	note := func(fn func(roster.Item) (roster.Item, bool)) {
		t.Helper()
		if err := scribe.Note(t.Context(), "romeo", juliet, fn); err != nil {
			t.Fatal(err)
		}
		romeo.Quiet()
	}
	push := func(want string) {
		t.Helper()
		if err := scribe.Push(t.Context(), "romeo", juliet); err != nil {
			t.Fatal(err)
		}
		if got := romeo.Next().String(); !strings.Contains(got, want) {
			t.Errorf("pushed %s, want %s in it", got, want)
		}
	}
	push("subscription='remove'")
	note(func(i roster.Item) (roster.Item, bool) {
		if !i.Hidden {
			t.Errorf("an item that is not there: %+v", i)
		}
		i.Pending = []byte("<presence type='subscribe' from='juliet@example.org' to='romeo@example.org'/>")
		return i, true
	})
	push("subscription='remove'") // a request is no item
	note(func(i roster.Item) (roster.Item, bool) {
		i.To, i.Hidden = true, false
		return i, true
	})
	push("<item jid='juliet@example.org' subscription='to'/>")
	note(func(i roster.Item) (roster.Item, bool) {
		i.From, i.Pending = true, nil
		return i, true
	})
	push("<item jid='juliet@example.org' subscription='both'/>")
	note(func(roster.Item) (roster.Item, bool) { return roster.Item{}, false })
	push("subscription='remove'")
}
