// SPDX-License-Identifier: Apache-2.0

package user_account_management_test

import (
	"fmt"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

const open = `modules_enabled = { "register", "private", "roster" }
allow_registration = true
`

func stranger(t *testing.T, s *coretest.Server) *coretest.Client {
	t.Helper()
	c := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
	c.Open()
	return c
}

func wish(id, user string) string {
	return fmt.Sprintf("<iq type='set' id='%s'><query xmlns='jabber:iq:register'><username>%s</username><password>secret of %s</password></query></iq>", id, user, user)
}

// An account that removes itself leaves nothing behind in any store.
func TestRemovalPurges(t *testing.T) {
	s := coretest.New(t, open, modules.All...)
	c := stranger(t, s)
	c.Send(wish("1", "romeo"))
	if e := c.Next(); e.Attr("type") != "result" {
		t.Fatal("register:", e)
	}
	r := s.Login("romeo", "orchard")
	other := s.Login("romeo", "balcony")
	r.Send("<iq type='set' id='p'><query xmlns='jabber:iq:private'><x xmlns='urn:x'>mine</x></query></iq>")
	if e := r.Next(); e.Attr("type") != "result" {
		t.Fatal("store:", e)
	}
	rows := func() (n int) {
		for word, d := range s.Env.Storage.All() {
			stores, err := d.Stores(t.Context())
			if err != nil {
				t.Fatal(word, err)
			}
			for _, st := range stores {
				if st.Store == "private" || st.Store == "account_details" {
					n += st.Rows
				}
			}
		}
		return n
	}
	if rows() < 2 {
		t.Fatalf("%d rows are stored, want those of private and account_details", rows())
	}
	r.Send("<iq type='set' id='r'><query xmlns='jabber:iq:register'><remove/></query></iq>")
	if e := r.Next(); e.Attr("type") != "result" || e.Attr("id") != "r" {
		t.Fatal("remove:", e)
	}
	if n := rows(); n != 0 {
		t.Errorf("%d rows are left at the answer", n)
	}
	for _, c := range []*coretest.Client{r, other} {
		if cause := c.Ended(); cause.First().Local() != "not-authorized" {
			t.Errorf("%s ended with %s, want not-authorized", c.JID, cause)
		}
	}
	coretest.Eventually(t, "no session is left", func() bool { return s.Host(coretest.Domain).Sessions.Len() == 0 })
}

// The other sessions of an account end when its password changes; the one that
// asked stays.
func TestPasswordChangeEndsOthers(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "register", "ping" }`, modules.All...)
	r, other := s.Login("romeo", "orchard"), s.Login("romeo", "balcony")
	r.Send("<iq type='set' id='1'><query xmlns='jabber:iq:register'><username>romeo</username><password>new</password></query></iq>")
	if e := r.Next(); e.Attr("type") != "result" {
		t.Fatal(e)
	}
	if cause := other.Ended(); cause.First().Local() != "reset" {
		t.Errorf("the other ended with %s, want reset", cause)
	}
	r.Quiet()
}
