// SPDX-License-Identifier: Apache-2.0

package register_ibr_test

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
	"tercet/modules/register_ibr"
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
		register_ibr.Registering.Handle(s, 10, func(_ context.Context, ev *register_ibr.Event) ext.Verdict {
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

// Where registration is not open to all, a gate decides; one that does not
// answer lets nobody in.
func TestGates(t *testing.T) {
	const config = `modules_enabled = { "register_ibr", "gate" }`
	answer := "" // what the gate does
	told := make(chan string, 1)
	gate := module.Define("gate", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		register_ibr.Gates.Add(s, "gate")
		register_ibr.Registering.Handle(s, 0.5, func(_ context.Context, ev *register_ibr.Event) ext.Verdict {
			switch answer {
			case "yes":
				ev.Admitted = true
			case "reset":
				ev.Admitted, ev.Reset = true, ev.User == "romeo"
			case "no":
				ev.Err = stanza.Fail(stanza.NotAcceptable, "By invitation only.")
				return ext.Stop
			}
			return ext.Next
		})
		register_ibr.Reset.Handle(s, 0, func(_ context.Context, ev *register_ibr.Event) ext.Verdict {
			told <- ev.User
			return ext.Next
		})
		return nil
	})
	s := coretest.New(t, config, append([]module.Definition{gate}, modules.All...)...)
	c := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
	if features := c.Open(); features.Child("http://jabber.org/features/iq-register", "register").IsZero() {
		t.Errorf("not offered: %s", features)
	}
	for i, tt := range []struct{ gate, user, want string }{
		{"", "romeo", "Registration is not open here."},
		{"no", "romeo", "By invitation only."},
		{"yes", "romeo", "type='result'"},
		{"yes", "romeo", "<conflict"},
		{"reset", "romeo", "type='result'"},
		{"reset", "juliet", "type='result'"},
		{"reset", "juliet", "<conflict"},
	} {
		answer = tt.gate
		c.Send(wish(fmt.Sprint(i), tt.user))
		if e := c.Next(); !strings.Contains(e.String(), tt.want) {
			t.Errorf("%d, gate %q, %s: %s, want %s in it", i, tt.gate, tt.user, e, tt.want)
		}
	}
	if user := <-told; user != "romeo" || len(told) > 0 {
		t.Errorf("told of a new password of %s and %d more, want romeo's alone", user, len(told))
	}
	s.Reconfigure(`modules_enabled = { "register_ibr" }`)
	answer = "yes"
	c.Send(wish("last", "nurse"))
	if e := c.Next(); !strings.Contains(e.String(), "Registration is not open here.") {
		t.Errorf("without its gate: %s", e)
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
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := luacfg.Options{}.Load(writeConfig(t, `modules_enabled = { "register_ibr" } `+tt.lua+` VirtualHost "example.org"`))
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
