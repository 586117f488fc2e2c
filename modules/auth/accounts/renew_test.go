// SPDX-License-Identifier: Apache-2.0

package accounts

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"tercet/core/auth"
)

func one(name string) hashSet { return hashSetOf([]string{name}) }

func hashes(t *testing.T, p *provider, want ...string) {
	t.Helper()
	got := p.Hashes()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("offered %v, want %v", got, want)
	}
}

func sweep(t *testing.T, p *provider) {
	t.Helper()
	if err := p.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// An account gets the hashes that the config asks for when its password is
// shown; until all have them, the hash is not offered.
func TestMoreHashes(t *testing.T) {
	s := newStore()
	p := opened(t, s, policy{hashes: one("SHA-1"), iterations: 3})
	hashes(t, p, "SHA-1")
	create(t, p, "romeo", "x")
	create(t, p, "juliet", "y")
	p = opened(t, s, few)
	hashes(t, p, "SHA-1")
	sweep(t, p)
	hashes(t, p, "SHA-1")
	create(t, p, "nurse", "z")
	want(t, p, "romeo", "wrong", false, nil)
	if got := len(s.record(t, "romeo").Hashes); got != 1 {
		t.Errorf("a wrong password has made keys: %d hashes", got)
	}
	want(t, p, "romeo", "x", true, nil)
	if got := len(s.record(t, "romeo").Hashes); got != 3 {
		t.Errorf("%d hashes after a login", got)
	}
	want(t, p, "romeo", "x", true, nil)
	sweep(t, p)
	hashes(t, p, "SHA-1")
	if err := p.SetPassword(t.Context(), "juliet", "y"); err != nil {
		t.Fatal(err)
	}
	sweep(t, p)
	hashes(t, p, "SHA-1", "SHA-256", "SHA-512")
	for _, c := range [][2]string{{"romeo", "x"}, {"juliet", "y"}, {"nurse", "z"}} {
		want(t, p, c[0], c[1], true, nil)
		for i := range kinds {
			k, ok, err := p.Keys(t.Context(), c[0], kinds[i].name)
			if right, _ := kinds[i].opens(t.Context(), c[1], k); !ok || err != nil || !right {
				t.Errorf("%s of %s: %v, %v, opens %v", kinds[i].name, c[0], ok, err, right)
			}
		}
	}
	reads := s.gets["romeo"]
	hashes(t, opened(t, s, few), "SHA-1", "SHA-256", "SHA-512") // known without a sweep
	if s.gets["romeo"] != reads {
		t.Error("the start has read accounts")
	}
}

// A hash that is given up is not offered again before all have it.
func TestFewerHashes(t *testing.T) {
	s := newStore()
	create(t, opened(t, s, few), "romeo", "x")
	p := opened(t, s, policy{hashes: one("SHA-256"), iterations: 3})
	hashes(t, p, "SHA-256")
	create(t, p, "juliet", "y")
	p = opened(t, s, few)
	hashes(t, p, "SHA-256")
	sweep(t, p)
	hashes(t, p, "SHA-256")
	want(t, p, "juliet", "y", true, nil)
	sweep(t, p)
	hashes(t, p, "SHA-256", "SHA-1", "SHA-512")
}

func TestMoreIterations(t *testing.T) {
	s := newStore()
	create(t, opened(t, s, few), "romeo", "x")
	p := opened(t, s, policy{hashes: all, iterations: 7})
	want(t, p, "romeo", "x", true, nil)
	for name, h := range s.record(t, "romeo").Hashes {
		if h.Iterations != 7 {
			t.Errorf("%s has %d iterations", name, h.Iterations)
		}
	}
	want(t, p, "romeo", "x", true, nil)
	p = opened(t, s, few) // fewer: what is there stays
	sets := s.sets["romeo"]
	want(t, p, "romeo", "x", true, nil)
	if s.sets["romeo"] != sets {
		t.Error("keys were made weaker")
	}
}

// An account that somebody else has written lacks keys: its client shall not
// be lured into a mechanism that fails.
func TestMissing(t *testing.T) {
	var log bytes.Buffer
	s := newStore()
	p := opened(t, s, few, func(p *provider) { p.log = slog.New(slog.NewTextHandler(&log, nil)) })
	k, err := kinds[kindOf("SHA-1")].fresh(t.Context(), "x", 3)
	if err != nil {
		t.Fatal(err)
	}
	var r record
	r.set(&kinds[kindOf("SHA-1")], k)
	s.put(t, "romeo", r)
	hashes(t, p, "SHA-1", "SHA-256", "SHA-512")
	if _, ok, err := p.Keys(t.Context(), "romeo", "SHA-512"); ok || err != nil {
		t.Errorf("keys: %v, %v", ok, err)
	}
	hashes(t, p, "SHA-1")
	if !strings.Contains(log.String(), "user=romeo") {
		t.Errorf("log: %s", log.String())
	}
	want(t, p, "romeo", "x", true, nil)
	sweep(t, p)
	hashes(t, p, "SHA-1", "SHA-256", "SHA-512")
}

// A store with accounts and without the host's record: nothing is offered that
// is not known to work.
func TestUnknownStore(t *testing.T) {
	s := newStore()
	create(t, opened(t, s, few), "romeo", "x")
	delete(s.values, hostOwner)
	p := opened(t, s, few)
	hashes(t, p)
	sweep(t, p)
	hashes(t, p, "SHA-1", "SHA-256", "SHA-512")
}

func TestPlain(t *testing.T) {
	s := newStore()
	plain := policy{hashes: all, iterations: 3, plain: true}
	p := opened(t, s, plain)
	create(t, p, "romeo", "secret")
	if got := s.record(t, "romeo"); got.Password != "secret" || len(got.Hashes) != 3 {
		t.Errorf("stored %+v", got)
	}
	if got, err := p.Password(t.Context(), "romeo"); got != "secret" || err != nil {
		t.Errorf("Password: %q, %v", got, err)
	}
	if _, err := p.Password(t.Context(), "nobody"); !errors.Is(err, auth.ErrNoAccount) {
		t.Errorf("Password of nobody: %v", err)
	}
	want(t, p, "romeo", "secret", true, nil)
	for i := range 2500 {
		s.put(t, fmt.Sprint("user", i), record{Password: fmt.Sprint("secret ", i)}) // as others may have stored it
	}
	want(t, p, "user0", "secret 0", true, nil)
	if k, ok, err := p.Keys(t.Context(), "user1", "SHA-512"); !ok || err != nil || k.Iterations != 3 {
		t.Errorf("keys from a plain password: %v, %v", ok, err)
	}
	hashes(t, p, "SHA-1", "SHA-256", "SHA-512")

	var log bytes.Buffer
	p = opened(t, s, few, func(p *provider) { p.log = slog.New(slog.NewTextHandler(&log, nil)) })
	if _, err := p.Password(t.Context(), "romeo"); !errors.Is(err, auth.ErrNotSupported) {
		t.Errorf("Password where only hashes are kept: %v", err)
	}
	sweep(t, p)
	for user, b := range s.values {
		if bytes.Contains(b, []byte("secret ")) || bytes.Contains(b, []byte(`"password"`)) {
			t.Fatalf("%s is still plain: %s", user, b)
		}
	}
	for _, part := range []string{"done=1000", "done=2000", "accounts=2501"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("log lacks %s: %s", part, log.String())
		}
	}
	if strings.Contains(log.String(), "secret") {
		t.Error("a password is in the log")
	}
	want(t, p, "user2499", "secret 2499", true, nil)
	hashes(t, p, "SHA-1", "SHA-256", "SHA-512")
	reads := s.gets["user7"]
	p = opened(t, s, few)
	sweep(t, p)
	if s.gets["user7"] != reads {
		t.Error("a second start reads all accounts again")
	}

	p = opened(t, s, plain) // and back: at the next login the password is there
	want(t, p, "romeo", "secret", true, nil)
	if got := s.record(t, "romeo"); got.Password != "secret" {
		t.Errorf("stored %+v", got)
	}
}

// A password that is set while an older one is renewed wins.
func TestRenewLoses(t *testing.T) {
	s := newStore()
	first := opened(t, s, policy{hashes: one("SHA-256"), iterations: 3})
	create(t, first, "romeo", "old")
	p := opened(t, s, few, func(p *provider) { p.shared = first.shared })
	a, err := p.account(t.Context(), "romeo")
	if err != nil {
		t.Fatal(err)
	}
	if err := first.SetPassword(t.Context(), "romeo", "new"); err != nil { // lacks keys, too
		t.Fatal(err)
	}
	p.renew(t.Context(), "romeo", "old", a, kindOf("SHA-256"))
	want(t, p, "romeo", "old", false, nil)
	want(t, p, "romeo", "new", true, nil)
	for i := range kinds {
		k, _, _ := p.Keys(t.Context(), "romeo", kinds[i].name)
		if right, _ := kinds[i].opens(t.Context(), "new", k); !right {
			t.Errorf("%s is not of the new password", kinds[i].name)
		}
	}
}

func TestSweepFails(t *testing.T) {
	s := newStore()
	create(t, opened(t, s, policy{hashes: one("SHA-1"), iterations: 3}), "romeo", "x")
	p := opened(t, s, few)
	down := errors.New("disk is gone")
	s.failWith(down)
	if err := p.sweep(t.Context()); !errors.Is(err, down) {
		t.Errorf("sweep: %v", err)
	}
	s.failWith(nil)
	if !p.stale.Load() {
		t.Error("a sweep that failed is not tried again")
	}
	s.values["broken"] = []byte("{")
	sweep(t, p)
	hashes(t, p) // the broken one has none
}
