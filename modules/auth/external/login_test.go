// SPDX-License-Identifier: Apache-2.0

package external_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tercet/core/auth"
	"tercet/core/coretest"
	"tercet/modules"
)

func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skip(err)
	}
}

// A login over TLS with the example in Python: PLAIN is all that is offered,
// and the password is nowhere but in it and the pipes.
func TestLogin(t *testing.T) {
	needs(t, "python3")
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	s, dial := secured(t, fmt.Sprintf("%sextauth_program = \"%s %s/users\"\nlog = { debug = %q }\n", external, example(t, "extauth.py"), dir, log))
	if err := accountsOf(s).Create(t.Context(), "romeo", right); err != nil {
		t.Fatal(err)
	}
	c := dial()
	var offered []string
	for e := range c.Open().Child(nsSASL, "mechanisms").Children() {
		offered = append(offered, e.Text())
	}
	if !slices.Equal(offered, []string{"PLAIN"}) {
		t.Errorf("offered %q", offered)
	}
	for _, tt := range []struct{ user, password, want string }{
		{"romeo", right + ":", "not-authorized"},
		{"juliet", right, "not-authorized"},
		{"romeo", right, "success"},
	} {
		if got := try(c, tt.user, tt.password); got != tt.want {
			t.Errorf("%s, %q: %s, want %s", tt.user, tt.password, got, tt.want)
		}
	}
	c.Open()
	c.Bind("orchard")
	c.Quiet()
	if where := exposed(right); len(where) > 0 {
		t.Errorf("the password is in %q", where)
	}
	bare := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
	if f := bare.Open(); strings.Contains(f.String(), "PLAIN") {
		t.Errorf("offered in clear: %s", f)
	}
	text, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(text), "authenticated") {
		t.Fatalf("log: %v, %s", err, text)
	}
	if strings.Contains(string(text), right) || strings.Contains(string(text), "yönder") {
		t.Errorf("the password is in the log:\n%s", text)
	}
}

// Accounts that clients make, change and remove (XEP-0077) are the script's.
func TestRegistration(t *testing.T) {
	needs(t, "python3")
	users := filepath.Join(t.TempDir(), "users")
	_, dial := secured(t, fmt.Sprintf("%sextauth_program = \"%s %s\"\nmodules_enabled = { \"register\" }\nallow_registration = true\n", external, example(t, "extauth.py"), users))
	c := dial()
	c.Open()
	register := func(c *coretest.Client, fields string) string {
		t.Helper()
		c.Send("<iq type='set' id='r'><query xmlns='jabber:iq:register'>" + fields + "</query></iq>")
		e := c.Next()
		if e.Attr("type") == "error" {
			return e.Child("jabber:client", "error").First().Local()
		}
		return e.Attr("type")
	}
	of := func(password string) string {
		return "<username>romeo</username><password>" + password + "</password>"
	}
	if got := register(c, of("first")); got != "result" {
		t.Fatalf("register: %s", got)
	}
	if got := register(c, of("other")); got != "conflict" {
		t.Errorf("register again: %s", got)
	}
	if got := try(c, "romeo", "first"); got != "success" {
		t.Fatalf("login: %s", got)
	}
	c.Open()
	c.Bind("orchard")
	if got := register(c, of("second")); got != "result" {
		t.Errorf("change: %s", got)
	}
	again := dial()
	again.Open()
	for _, tt := range [][2]string{{"first", "not-authorized"}, {"second", "success"}} {
		if got := try(again, "romeo", tt[0]); got != tt[1] {
			t.Errorf("%s: %s, want %s", tt[0], got, tt[1])
		}
	}
	if got := register(c, "<remove/>"); got != "result" {
		t.Errorf("remove: %s", got)
	}
	again = dial()
	again.Open()
	if got := try(again, "romeo", "second"); got != "not-authorized" {
		t.Errorf("after the end: %s", got)
	}
	if b, err := os.ReadFile(users); err != nil || len(b) > 0 {
		t.Errorf("left: %q, %v", b, err)
	}
}

// The examples work.
func TestExamples(t *testing.T) {
	dir := t.TempDir()
	users, plain := filepath.Join(dir, "users"), filepath.Join(dir, "plain")
	for file, text := range map[string]string{
		users: kept(t, "juliet@example.org", "x") + kept(t, "romeo@example.org", right),
		plain: "juliet@example.org:x\nromeo@example.org:" + right,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, needs, command string
	}{
		{"python", "python3", fmt.Sprintf("extauth_program = \"%s %s\"", example(t, "extauth.py"), users)},
		{"perl", "perl", fmt.Sprintf("extauth_program = { %q, %q }", example(t, "extauth.pl"), users)},
		{"go", "go", fmt.Sprintf("extauth_program = { %q, %q }", filepath.Join(dir, "extauth"), users)},
		{"shell", "sh", fmt.Sprintf("external_auth_command = \"%s '%s'\"", example(t, "extauth.sh"), plain)},
	} {
		t.Run(c.name, func(t *testing.T) {
			needs(t, c.needs)
			if c.name == "go" {
				if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "extauth"), example(t, "go")).CombinedOutput(); err != nil {
					t.Fatal(err, string(out))
				}
			}
			a := accountsOf(coretest.New(t, external+c.command+"\n", modules.All...))
			for _, q := range []struct {
				user, password string
				want           bool
			}{
				{"romeo", right, true},
				{"romeo", right + "x", false},
				{"romeo", "x", false},
				{"juliet", "x", true},
				{"nobody", right, false},
				{"romeo", "a\nb", false},
				{"romeo", "", false},
				{"rome", "o@example.org:" + right, false},
			} {
				if got, err := a.Check(t.Context(), q.user, q.password); got != q.want || err != nil {
					t.Errorf("%s, %q: %v, %v", q.user, q.password, got, err)
				}
			}
			for user, want := range map[string]bool{"romeo": true, "juliet": true, "nobody": false} {
				if got, err := a.Exists(t.Context(), user); got != want || err != nil {
					t.Errorf("%s exists: %v, %v", user, got, err)
				}
			}
		})
	}
}

// What the contract of a provider says about refusals.
func TestRefusals(t *testing.T) {
	a := accountsOf(coretest.New(t, external+scripted(), modules.All...))
	ctx := t.Context()
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"create", a.Create(ctx, "fresh", "x"), nil},
		{"create one that is there", a.Create(ctx, "romeo", "x"), auth.ErrExists},
		{"create one that the script refuses", a.Create(ctx, "tybalt", "x"), auth.ErrNotSupported},
		{"no password", a.Create(ctx, "fresh", ""), auth.ErrPassword},
		{"a password with a newline", a.SetPassword(ctx, "romeo", "a\nb"), auth.ErrPassword},
		{"set the password of nobody", a.SetPassword(ctx, "nobody", "x"), auth.ErrNoAccount},
		{"set a password that the script refuses", a.SetPassword(ctx, "romeo", "x"), auth.ErrNotSupported},
		{"remove nobody", a.Delete(ctx, "nobody"), auth.ErrNoAccount},
		{"remove one that the script keeps", a.Delete(ctx, "romeo"), auth.ErrNotSupported},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.err, c.want)
		}
	}
	if _, _, err := a.Keys(ctx, "romeo", "SHA-1"); !errors.Is(err, auth.ErrNotSupported) || len(a.Hashes()) > 0 {
		t.Errorf("keys: %v; hashes %q", err, a.Hashes())
	}
	for user, err := range a.Users(ctx) {
		if !errors.Is(err, auth.ErrNotSupported) {
			t.Errorf("users: %q, %v", user, err)
		}
	}
}
