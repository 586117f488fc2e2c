// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"tercet/core/auth"
	"tercet/core/coretest"
	"tercet/core/ext"
	"tercet/core/guest"
	"tercet/core/module"
	"tercet/modules"
)

// A guest is the credential provider of a host: it is asked by name and in
// JSON, and what it does not answer is refused.
func TestAuth(t *testing.T) {
	passwords := map[string]string{"romeo": "rosaline"}
	answer := func(fn func(user, password string) any) guest.Handler {
		return func(_ context.Context, ev *guest.Event) ext.Verdict {
			b, err := json.Marshal(ev.Value)
			var asked struct{ User, Password string }
			if err == nil {
				err = json.Unmarshal(b, &asked)
			}
			if err != nil {
				t.Error(err)
			}
			if v := fn(asked.User, asked.Password); v != nil {
				b, _ = json.Marshal(map[string]any{"ok": v}) // a bool, or a fault of the guest
				if err := ev.Change(b); err != nil {
					return ext.Next
				}
			}
			return ext.Stop
		}
	}
	knows := module.Define("auth_guest", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		for name, fn := range map[string]func(user, password string) any{
			"auth/check": func(user, password string) any {
				if user == "broken" {
					return "perhaps"
				}
				return passwords[user] != "" && passwords[user] == password
			},
			"auth/exists": func(user, _ string) any { return passwords[user] != "" },
			"auth/create": func(user, password string) any {
				if passwords[user] != "" {
					return false
				}
				passwords[user] = password
				return true
			},
		} {
			if err := guest.Hook(s, name, 0, "", answer(fn)); err != nil {
				return err
			}
		}
		for _, odd := range []string{"{}", "", "false"} {
			if err := guest.Add(s, "auth-provider", json.RawMessage(odd)); err == nil {
				t.Errorf("%q is taken", odd)
			}
		}
		return guest.Add(s, "auth-provider", json.RawMessage("true"))
	})
	s := coretest.New(t, `authentication = "guest" modules_enabled = { "ping" }`, append([]module.Definition{knows}, modules.All...)...)
	host := s.Host(coretest.Domain)
	accounts, err := s.Env.Accounts(host)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		user, password string
		ok             bool
		err            bool
	}{{"romeo", "rosaline", true, false}, {"romeo", "juliet", false, false}, {"paris", "", false, false}, {"broken", "x", false, true}} {
		if ok, err := accounts.Check(t.Context(), tt.user, tt.password); ok != tt.ok || (err != nil) != tt.err {
			t.Errorf("%s with %s: %v, %v", tt.user, tt.password, ok, err)
		}
	}
	if err := accounts.Create(t.Context(), "juliet", "balcony"); err != nil {
		t.Error(err)
	}
	if ok, err := accounts.Exists(t.Context(), "juliet"); !ok || err != nil {
		t.Errorf("the new account: %v, %v", ok, err)
	}
	if err := accounts.Create(t.Context(), "romeo", "x"); !errors.Is(err, auth.ErrExists) {
		t.Errorf("an account that is there: %v", err)
	}
	for _, err := range accounts.Users(t.Context()) {
		if !errors.Is(err, auth.ErrNotSupported) {
			t.Errorf("the list of accounts: %v", err)
		}
	}
	c := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
	c.Plain("juliet", "balcony")
	c.Bind("garden")
	c.Quiet()
}

func TestAuthPoints(t *testing.T) {
	s := ext.NewScope(t.Context(), "probe", ext.NewTable())
	none := func(context.Context, *guest.Event) ext.Verdict { return ext.Next }
	for name, want := range map[string]bool{"auth/check": true, "auth/": false, "auth/guess": false} {
		if err := guest.Hook(s, name, 0, "", none); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := guest.Add(s, "auth-provider", json.RawMessage("true")); err == nil {
		t.Error("accounts of no host")
	}
}
