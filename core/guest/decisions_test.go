// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/core/ext"
	"tercet/core/guest"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/modules"
	"tercet/modules/carbons"
	"tercet/modules/mam"
)

// What a guest decides about a message that it sees takes effect, and what it
// adds is shown.
func TestDecisions(t *testing.T) {
	decides := module.Define("decides", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		for name, answer := range map[string]string{
			"carbons-should-copy":  `{"copy": true}`,
			"archive-should-store": `{"store": true}`,
		} {
			err := guest.Hook(s, name, 0, "", func(_ context.Context, ev *guest.Event) ext.Verdict {
				b, err := json.Marshal(ev.Value)
				var seen struct{ Stanza string }
				if err == nil {
					err = json.Unmarshal(b, &seen)
				}
				if err != nil {
					t.Error(err)
				}
				if strings.Contains(seen.Stanza, "wanted") {
					if err := ev.Change(json.RawMessage(answer)); err != nil {
						t.Error(err)
					}
				}
				return ext.Next
			})
			if err != nil {
				return err
			}
		}
		for value, good := range map[string]bool{
			`"<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:example:guest</value></field></x>"`: true,
			`"<x"`: false, `""`: false, `"<x/><y/>"`: false,
		} {
			if err := guest.Add(s, "extension", json.RawMessage(value)); (err == nil) != good {
				t.Errorf("%s: %v", value, err)
			}
		}
		return nil
	})
	s := coretest.New(t, `modules_enabled = { "decides", "disco", "ping" }`, append([]module.Definition{decides}, modules.All...)...)
	romeo := jid.MustParse("romeo@example.org")
	for text, want := range map[string]bool{"wanted": true, "spam": false} {
		st, err := stanza.Parse([]byte("<message><note>" + text + "</note></message>"))
		if err != nil {
			t.Fatal(err)
		}
		s.Host(coretest.Domain).Within(st, func(ev *route.Event) {
			ask, keep := carbons.CopyEvent{Event: ev}, mam.StoreEvent{Event: ev, Account: romeo}
			carbons.ShouldCopy.Fire(t.Context(), ev.Pass, &ask)
			mam.ShouldStore.Fire(t.Context(), ev.Pass, &keep)
			if ask.Copy != want || keep.Store != want {
				t.Errorf("%s: copied: %v, archived: %v", text, ask.Copy, keep.Store)
			}
		})
	}
	c := s.Login("romeo", "orchard")
	c.Send("<iq type='get' id='d' to='example.org'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
	if e := c.Next(); !strings.Contains(e.String(), "urn:example:guest") {
		t.Errorf("the form is not shown: %s", e)
	}
}
