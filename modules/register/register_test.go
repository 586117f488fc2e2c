// SPDX-License-Identifier: Apache-2.0

package register_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tercet/config"
	"tercet/config/luacfg"
	"tercet/core/auth"
	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/stanza"
	"tercet/modules"
	"tercet/modules/register"
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

// A stream that goes on asking ends.
func TestAttempts(t *testing.T) {
	s := coretest.New(t, open, modules.All...)
	c := stranger(t, s)
	for i := range 40 {
		c.Send(wish(fmt.Sprint(i), "no@body"))
		e, err := c.Try(10 * time.Second)
		if errors.Is(err, io.EOF) {
			t.Fatal("ended without a word")
		}
		if e.Is(element.NSStream, "error") {
			if i < 10 || e.First().Local() != "policy-violation" {
				t.Errorf("after %d: %s", i, e)
			}
			return
		}
	}
	t.Error("forty wishes on one stream")
}

// A module may refuse a name, and hears of each account that is made.
func TestEvents(t *testing.T) {
	made := make(chan auth.AccountEvent, 1)
	watcher := module.Define("watcher", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		register.Registering.Handle(s, 10, func(_ context.Context, ev *register.Event) ext.Verdict {
			if ev.User != "tybalt" {
				return ext.Next
			}
			ev.Err = stanza.Fail(stanza.NotAllowed, "We know you.")
			return ext.Stop
		})
		auth.Registered.Handle(s, 0, func(_ context.Context, ev *auth.AccountEvent) ext.Verdict {
			made <- *ev
			return ext.Next
		})
		return nil
	})
	s := coretest.New(t, `modules_enabled = { "register", "watcher" } allow_registration = true`, append([]module.Definition{watcher}, modules.All...)...)
	c := stranger(t, s)
	c.Send(wish("1", "Tybalt"))
	if e := c.Next(); !strings.Contains(e.String(), "not-allowed") || !strings.Contains(e.String(), "We know you.") {
		t.Errorf("refused by %s", e)
	}
	c.Send(wish("2", "Romeo"))
	if e := c.Next(); e.Attr("type") != "result" {
		t.Fatal(e)
	}
	if ev := <-made; ev.User != "romeo" || ev.Host != coretest.Domain || ev.Source != "register" || ev.Remote.String() != "127.0.0.1" {
		t.Errorf("event: %+v", ev)
	}
}

// Where the accounts are kept by somebody else, a client is told so.
func TestNotSupported(t *testing.T) {
	away := module.Define("auth_away", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		auth.Accounts.Offer(s, elsewhere{})
		return nil
	})
	s := coretest.New(t, open+`authentication = "away"`, append([]module.Definition{away}, modules.All...)...)
	c := stranger(t, s)
	c.Send(wish("1", "romeo"))
	if e := c.Next(); !strings.Contains(e.String(), "not-allowed") {
		t.Errorf("got %s, want not-allowed", e)
	}
}

type elsewhere struct{ auth.Provider }

func (elsewhere) Exists(context.Context, string) (bool, error)        { return false, nil }
func (elsewhere) Create(context.Context, string, string) error        { return auth.ErrNotSupported }
func (elsewhere) Hashes() []string                                    { return nil }
func (elsewhere) Check(context.Context, string, string) (bool, error) { return false, nil }

func TestOptions(t *testing.T) {
	for _, tt := range []struct{ name, lua, want string }{
		{"a field that is none", `additional_registration_fields = { "shoe" }`, `no field is called "shoe"`},
		{"a throttle without its period", `registration_throttle_max = 3`, "registration_throttle_period"},
		{"a word that is no network", `registration_blocklist = { "here" }`, "want an address or a network"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := luacfg.Options{}.Load(writeConfig(t, `modules_enabled = { "register" } `+tt.lua+` VirtualHost "example.org"`))
			if err != nil {
				t.Fatal(err)
			}
			problems := module.Check(module.NewCatalogue(modules.All), c)
			if !config.Failed(problems) || !strings.Contains(fmt.Sprint(problems), tt.want) {
				t.Errorf("problems: %v, want %q", problems, tt.want)
			}
		})
	}
}

func writeConfig(t *testing.T, lua string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tercet.cfg.lua")
	if err := os.WriteFile(file, []byte(lua), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
