// SPDX-License-Identifier: Apache-2.0

package accounts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	xdg "github.com/xdg-go/scram"

	"tercet/core/auth"
)

// store is a storage.KeyValue in memory that counts and fails on demand.
type store struct {
	mu         sync.Mutex
	values     map[string][]byte
	gets, sets map[string]int
	fail       error
	slow       chan struct{} // Get waits for it after it has read
}

func newStore() *store {
	return &store{values: make(map[string][]byte), gets: make(map[string]int), sets: make(map[string]int)}
}

func (s *store) Get(_ context.Context, owner string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gets[owner]++
	v, slow, err := bytes.Clone(s.values[owner]), s.slow, s.fail
	if slow != nil {
		s.slow = nil
		s.mu.Unlock()
		<-slow
		s.mu.Lock()
	}
	return v, err
}

func (s *store) Set(_ context.Context, owner string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sets[owner]++
	if s.fail != nil {
		return s.fail
	}
	if value == nil {
		delete(s.values, owner)
		return nil
	}
	s.values[owner] = bytes.Clone(value)
	return nil
}

func (s *store) Owners(context.Context) iter.Seq2[string, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, err := slices.Sorted(maps.Keys(s.values)), s.fail
	return func(yield func(string, error) bool) {
		for _, n := range names {
			if !yield(n, nil) {
				return
			}
		}
		if err != nil {
			yield("", err)
		}
	}
}

func (s *store) record(t *testing.T, user string) (r record) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := json.Unmarshal(s.values[user], &r); err != nil {
		t.Fatalf("record of %s: %v", user, err)
	}
	return r
}

func (s *store) put(t *testing.T, user string, r record) {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Set(t.Context(), user, b); err != nil {
		t.Fatal(err)
	}
}

func (s *store) failWith(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

const all = hashSet(1<<len(kinds) - 1)

var few = policy{hashes: all, iterations: 3}

// opened returns a provider with little work per password.
func opened(tb testing.TB, s *store, o policy, with ...func(*provider)) *provider {
	tb.Helper()
	p := &provider{shared: new(shared), policy: o, kv: s, cache: newCache(100, 0), log: slog.New(slog.DiscardHandler)}
	for _, fn := range with {
		fn(p)
	}
	p.join(p.cache)
	if err := p.open(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return p
}

func want(t *testing.T, p *provider, user, password string, right bool, cause error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got, err := p.Check(ctx, user, password)
	if got != right || !errors.Is(err, cause) {
		t.Errorf("Check(%q, %q) = %v, %v; want %v, %v", user, password, got, err, right, cause)
	}
}

func create(t *testing.T, p *provider, user, password string) {
	t.Helper()
	if err := p.Create(t.Context(), user, password); err != nil {
		t.Fatal(err)
	}
}

func TestLife(t *testing.T) {
	ctx := t.Context()
	s := newStore()
	p := opened(t, s, few)
	want(t, p, "romeo", "first", false, nil)
	create(t, p, "romeo", "first")
	want(t, p, "romeo", "first", true, nil)
	want(t, p, "romeo", "first", true, nil) // from memory
	want(t, p, "romeo", "First", false, nil)
	want(t, p, "juliet", "first", false, nil)
	if err := p.Create(ctx, "romeo", "other"); !errors.Is(err, auth.ErrExists) {
		t.Errorf("created twice: %v", err)
	}
	want(t, p, "romeo", "first", true, nil)
	before := s.record(t, "romeo")
	if err := p.SetPassword(ctx, "romeo", "second"); err != nil {
		t.Fatal(err)
	}
	want(t, p, "romeo", "first", false, nil)
	want(t, p, "romeo", "second", true, nil)
	after := s.record(t, "romeo")
	for _, k := range kinds {
		if bytes.Equal(before.Hashes[k.name].Salt, after.Hashes[k.name].Salt) {
			t.Errorf("salt of %s used twice", k.name)
		}
	}
	if !after.Created.Equal(before.Created) || after.Created.IsZero() || after.Updated.Before(before.Updated) {
		t.Errorf("created %v, updated %v; before %v, %v", after.Created, after.Updated, before.Created, before.Updated)
	}
	if err := p.Delete(ctx, "romeo"); err != nil {
		t.Fatal(err)
	}
	want(t, p, "romeo", "second", false, nil)
	if yes, err := p.Exists(ctx, "romeo"); yes || err != nil {
		t.Errorf("exists after its end: %v, %v", yes, err)
	}
	for name, err := range map[string]error{
		"SetPassword": p.SetPassword(ctx, "romeo", "x"), "Delete": p.Delete(ctx, "romeo"), "SetDisabled": p.SetDisabled(ctx, "romeo", true),
	} {
		if !errors.Is(err, auth.ErrNoAccount) {
			t.Errorf("%s without an account: %v", name, err)
		}
	}
}

func TestUsers(t *testing.T) {
	p := opened(t, newStore(), few)
	for _, u := range []string{"romeo", "juliet", "ärger", "nurse"} {
		create(t, p, u, "x")
	}
	var got []string
	for u, err := range p.Users(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, u)
	}
	if want := []string{"juliet", "nurse", "romeo", "ärger"}; !slices.Equal(got, want) {
		t.Errorf("users %v, want %v", got, want)
	}
}

func TestCreateRefuses(t *testing.T) {
	p := opened(t, newStore(), few)
	for _, c := range []struct {
		name, user, password string
		bad                  bool // the password
	}{
		{"no user", "", "x", false},
		{"not prepared", "Romeo", "x", false},
		{"whole JID", "romeo@example.org", "x", false},
		{"space", "a b", "x", false},
		{"NUL", "a\x00b", "x", false},
		{"empty password", "romeo", "", true},
		{"control in the password", "romeo", "a\x07", true},
		{"NUL in the password", "romeo", "a\x00b", true},
		{"password not UTF-8", "romeo", "\xff", true},
		{"endless password", "romeo", strings.Repeat("x", 1025), true},
	} {
		err := p.Create(t.Context(), c.user, c.password)
		if err == nil || errors.Is(err, auth.ErrPassword) != c.bad {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	create(t, p, "romeo", "x")
	if err := p.SetPassword(t.Context(), "romeo", ""); !errors.Is(err, auth.ErrPassword) {
		t.Errorf("empty password set: %v", err)
	}
	want(t, p, "romeo", "", false, nil)
	want(t, p, "romeo", "x", true, nil)
}

// The host's own record lies in the same store, under a name that no user has.
func TestHostRecordIsNoAccount(t *testing.T) {
	ctx := t.Context()
	s := newStore()
	p := opened(t, s, few)
	before := s.values[hostOwner]
	if yes, err := p.Exists(ctx, ""); yes || err != nil {
		t.Errorf("exists: %v, %v", yes, err)
	}
	want(t, p, "", "x", false, nil)
	if _, ok, err := p.Keys(ctx, "", "SHA-1"); ok || err != nil {
		t.Errorf("has keys: %v, %v", ok, err)
	}
	if err := p.Delete(ctx, ""); !errors.Is(err, auth.ErrNoAccount) {
		t.Errorf("deleted: %v", err)
	}
	if err := p.SetPassword(ctx, "", "x"); !errors.Is(err, auth.ErrNoAccount) {
		t.Errorf("password set: %v", err)
	}
	if !bytes.Equal(before, s.values[hostOwner]) {
		t.Error("the host's record has changed")
	}
}

// Passwords are compared as SASLprep makes them.
func TestPrepared(t *testing.T) {
	p := opened(t, newStore(), few)
	create(t, p, "romeo", "I\u00adX")
	for _, form := range []string{"IX", "I\u00adX", "\u2168"} {
		want(t, p, "romeo", form, true, nil)
	}
	want(t, p, "romeo", "ix", false, nil)
}

// Keys agree with those of a library that we did not write.
func TestDerive(t *testing.T) {
	for i := range kinds {
		k := &kinds[i]
		got, err := k.derive(t.Context(), "pencil", []byte("salty"), 4096)
		if err != nil {
			t.Fatal(err)
		}
		c, err := xdg.HashGeneratorFcn(k.make).NewClient("user", "pencil", "")
		if err != nil {
			t.Fatal(err)
		}
		want, err := c.GetStoredCredentialsWithError(xdg.KeyFactors{Salt: "salty", Iters: 4096})
		if err != nil || !bytes.Equal(got.StoredKey, want.StoredKey) || !bytes.Equal(got.ServerKey, want.ServerKey) {
			t.Errorf("%s: keys differ (%v)", k.name, err)
		}
	}
}

func TestKeys(t *testing.T) {
	s := newStore()
	p := opened(t, s, few)
	create(t, p, "romeo", "secret")
	if got, want := p.Hashes(), []string{"SHA-256", "SHA-512", "SHA-1"}; !slices.Equal(got, want) {
		t.Errorf("hashes %v, want %v", got, want)
	}
	for i := range kinds {
		k := &kinds[i]
		got, ok, err := p.Keys(t.Context(), "romeo", k.name)
		if !ok || err != nil || got.Iterations != 3 || len(got.Salt) != saltSize {
			t.Fatalf("%s: %+v, %v, %v", k.name, got, ok, err)
		}
		want, err := k.derive(t.Context(), "secret", got.Salt, 3)
		if err != nil || !bytes.Equal(got.StoredKey, want.StoredKey) || !bytes.Equal(got.ServerKey, want.ServerKey) {
			t.Errorf("%s: these are not the keys of the password (%v)", k.name, err)
		}
	}
	if _, _, err := p.Keys(t.Context(), "romeo", "MD5"); !errors.Is(err, auth.ErrNotSupported) {
		t.Errorf("MD5: %v", err)
	}
	if b := s.values["romeo"]; bytes.Contains(b, []byte("secret")) {
		t.Errorf("the password is stored: %s", b)
	}
}

// Who does not exist looks like others, now and after a restart.
func TestUnknownUser(t *testing.T) {
	s := newStore()
	p := opened(t, s, few)
	create(t, p, "romeo", "x")
	again := opened(t, s, few)
	elsewhere := opened(t, newStore(), few)
	seen := make(map[string]string)
	for i := range kinds {
		k := &kinds[i]
		for _, user := range []string{"nobody", "none"} {
			a, ok, err := p.Keys(t.Context(), user, k.name)
			if ok || err != nil {
				t.Fatalf("%s: %v, %v", user, ok, err)
			}
			other, _, _ := p.Keys(t.Context(), "romeo", k.name)
			if len(a.Salt) != len(other.Salt) || a.Iterations != other.Iterations || len(a.StoredKey) != len(other.StoredKey) || len(a.ServerKey) != len(other.ServerKey) {
				t.Errorf("%s of %s differs from an account's", k.name, user)
			}
			for _, part := range [][]byte{a.Salt, a.StoredKey, a.ServerKey} {
				if who, twice := seen[string(part)]; twice {
					t.Errorf("%s of %s and %s share something", k.name, user, who)
				}
				seen[string(part)] = user
			}
			if b, _, _ := again.Keys(t.Context(), user, k.name); !bytes.Equal(a.Salt, b.Salt) || !bytes.Equal(a.StoredKey, b.StoredKey) {
				t.Errorf("%s of %s is another after a restart", k.name, user)
			}
			if b, _, _ := elsewhere.Keys(t.Context(), user, k.name); bytes.Equal(a.Salt, b.Salt) {
				t.Errorf("%s of %s is the same in another server", k.name, user)
			}
		}
	}
	if len(s.values) != 2 {
		t.Errorf("asking has stored something: %d records", len(s.values))
	}
}

func TestDisabled(t *testing.T) {
	ctx := t.Context()
	s := newStore()
	p := opened(t, s, few)
	create(t, p, "romeo", "x")
	want(t, p, "romeo", "x", true, nil)
	if err := p.SetDisabled(ctx, "romeo", true); err != nil {
		t.Fatal(err)
	}
	p = opened(t, s, few)
	for range 2 {
		want(t, p, "romeo", "x", true, auth.ErrDisabled)
		want(t, p, "romeo", "y", false, nil)
	}
	k, ok, err := p.Keys(ctx, "romeo", "SHA-256")
	if !ok || !errors.Is(err, auth.ErrDisabled) || len(k.StoredKey) != 32 {
		t.Errorf("keys %v, %v: want the real ones and ErrDisabled", ok, err)
	}
	if err := p.SetPassword(ctx, "romeo", "z"); err != nil {
		t.Fatal(err)
	}
	want(t, p, "romeo", "z", true, auth.ErrDisabled) // a new password does not enable it
	if off, err := p.Disabled(ctx, "romeo"); !off || err != nil {
		t.Errorf("Disabled: %v, %v", off, err)
	}
	if err := p.SetDisabled(ctx, "romeo", false); err != nil {
		t.Fatal(err)
	}
	want(t, p, "romeo", "z", true, nil)
	if _, err := p.Disabled(ctx, "nobody"); !errors.Is(err, auth.ErrNoAccount) {
		t.Errorf("Disabled of nobody: %v", err)
	}
}

// full takes all places of the gate, so that whoever hashes a password waits.
func full(t *testing.T) {
	t.Helper()
	n := 0
	for derivations.TryEnter() {
		n++
	}
	t.Cleanup(func() {
		for range n {
			derivations.Leave()
		}
	})
}

// A login with the password that was right before costs no hashing; all other
// attempts cost the same, whether the user exists or not.
func TestRemembered(t *testing.T) {
	s := newStore()
	p := opened(t, s, few)
	create(t, p, "romeo", "right")
	create(t, p, "juliet", "right")
	want(t, p, "romeo", "right", true, nil)
	reads := s.gets["romeo"]
	full(t)
	for range 1000 {
		want(t, p, "romeo", "right", true, nil)
	}
	if got := s.gets["romeo"] - reads; got != 0 {
		t.Errorf("1000 logins read the store %d times", got)
	}
	for _, c := range []struct{ user, password string }{
		{"romeo", "wrong"}, {"juliet", "right"}, {"nobody", "right"}, {"nobody", "wrong"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if ok, err := p.Check(ctx, c.user, c.password); ok || !errors.Is(err, context.Canceled) {
			t.Errorf("%s with %q did not have to wait: %v, %v", c.user, c.password, ok, err)
		}
	}
}

func TestGate(t *testing.T) {
	full(t)
	p := opened(t, newStore(), few)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := p.Create(ctx, "romeo", "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("created in a full gate: %v", err)
	}
	if yes, err := p.Exists(t.Context(), "romeo"); yes || err != nil {
		t.Errorf("half of an account: %v, %v", yes, err)
	}
}

func TestCacheBounds(t *testing.T) {
	s := newStore()
	p := opened(t, s, few, func(p *provider) { p.cache = newCache(10, 0) })
	create(t, p, "romeo", "x")
	want(t, p, "romeo", "x", true, nil)
	reads := s.gets["romeo"]
	for i := range 1000 { // somebody guesses names
		want(t, p, fmt.Sprintf("user%d", i), "x", false, nil)
	}
	if n := len(p.cache.unknown.at); n != 10 || p.cache.unknown.order.Len() != n {
		t.Errorf("%d unknown names are kept, want 10", n)
	}
	want(t, p, "romeo", "x", true, nil)
	if s.gets["romeo"] != reads {
		t.Error("guesses drove an account out of the cache")
	}
	for i := range 30 {
		create(t, p, fmt.Sprintf("user%d", i), "x")
		want(t, p, fmt.Sprintf("user%d", i), "x", true, nil)
	}
	if n := len(p.cache.known.at); n != 10 || p.cache.known.order.Len() != n {
		t.Errorf("%d accounts are kept, want 10", n)
	}
	want(t, p, "romeo", "x", true, nil)
	if s.gets["romeo"] == reads {
		t.Error("romeo was kept beyond the bound")
	}
}

func TestNoCache(t *testing.T) {
	s := newStore()
	p := opened(t, s, few, func(p *provider) { p.cache = newCache(0, 0) })
	create(t, p, "romeo", "x")
	reads := s.gets["romeo"]
	for range 5 {
		want(t, p, "romeo", "x", true, nil)
	}
	if got := s.gets["romeo"] - reads; got != 5 {
		t.Errorf("5 logins read the store %d times", got)
	}
}

func TestCacheLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		p := opened(t, s, policy{hashes: all, iterations: 1}, func(p *provider) { p.cache = newCache(10, time.Hour) })
		create(t, p, "romeo", "x")
		want(t, p, "romeo", "x", true, nil)
		other := opened(t, s, few) // another process, of which p hears nothing
		if err := other.SetPassword(t.Context(), "romeo", "y"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Minute)
		want(t, p, "romeo", "x", true, nil)
		time.Sleep(2 * time.Minute)
		want(t, p, "romeo", "x", false, nil)
		want(t, p, "romeo", "y", true, nil)
	})
}

// A record that is read while its password is changed is not kept.
func TestReadWhileChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		p := opened(t, s, policy{hashes: all, iterations: 1})
		create(t, p, "romeo", "old")
		slow := make(chan struct{})
		s.slow = slow
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = p.Check(t.Context(), "romeo", "old") })
		synctest.Wait() // it has read the old one
		wg.Go(func() {
			if err := p.SetPassword(t.Context(), "romeo", "new"); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		close(slow)
		wg.Wait()
		want(t, p, "romeo", "old", false, nil)
		want(t, p, "romeo", "new", true, nil)
	})
}

// Two instances on a host, before and after a reload, agree at once.
func TestReload(t *testing.T) {
	s := newStore()
	old := opened(t, s, few)
	together := func(p *provider) { p.shared = old.shared }
	next := opened(t, s, few, together)
	create(t, old, "romeo", "x")
	want(t, old, "romeo", "x", true, nil)
	want(t, next, "romeo", "x", true, nil)
	want(t, next, "nobody", "x", false, nil)
	if err := next.SetPassword(t.Context(), "romeo", "y"); err != nil {
		t.Fatal(err)
	}
	want(t, old, "romeo", "x", false, nil)
	want(t, old, "romeo", "y", true, nil)
	create(t, old, "nobody", "x")
	want(t, next, "nobody", "x", true, nil)
	leave := old.join(newCache(1, 0))
	leave()
	if got := len(old.caches); got != 2 {
		t.Errorf("%d caches, want 2", got)
	}
}

func TestStoreFails(t *testing.T) {
	ctx := t.Context()
	down := errors.New("disk is gone")
	s := newStore()
	p := opened(t, s, few)
	create(t, p, "romeo", "x")
	want(t, p, "romeo", "x", true, nil)
	s.failWith(down)
	if err := p.SetPassword(ctx, "romeo", "y"); !errors.Is(err, down) {
		t.Errorf("SetPassword: %v", err)
	}
	if _, _, err := p.Keys(ctx, "juliet", "SHA-1"); !errors.Is(err, down) {
		t.Errorf("Keys: %v", err)
	}
	if ok, err := p.Check(ctx, "juliet", "x"); ok || !errors.Is(err, down) {
		t.Errorf("Check: %v, %v", ok, err)
	}
	if _, err := p.Exists(ctx, "juliet"); !errors.Is(err, down) {
		t.Errorf("Exists: %v", err)
	}
	last := error(nil)
	for _, err := range p.Users(ctx) {
		last = err
	}
	if !errors.Is(last, down) {
		t.Errorf("Users: %v", last)
	}
	s.failWith(nil)
	want(t, p, "romeo", "x", true, nil)
	s.values["romeo"] = []byte(`{"hashes":`)
	p.cache.drop("romeo")
	if ok, err := p.Check(ctx, "romeo", "x"); ok || err == nil {
		t.Errorf("broken record: %v, %v", ok, err)
	}
}

// Keys that are too short, or without a salt, are none: an empty StoredKey must
// not be what anybody's proof hashes to.
func TestUnsoundKeys(t *testing.T) {
	for name, h := range map[string]hashKeys{
		"empty":         {},
		"no salt":       {Iterations: 3, StoredKey: make([]byte, 32), ServerKey: make([]byte, 32)},
		"no iterations": {Salt: []byte("s"), StoredKey: make([]byte, 32), ServerKey: make([]byte, 32)},
		"short":         {Salt: []byte("s"), Iterations: 3, StoredKey: make([]byte, 20), ServerKey: make([]byte, 32)},
		"short server":  {Salt: []byte("s"), Iterations: 3, StoredKey: make([]byte, 32), ServerKey: make([]byte, 20)},
	} {
		s := newStore()
		p := opened(t, s, few)
		s.put(t, "romeo", record{Hashes: map[string]hashKeys{"SHA-256": h}})
		want(t, p, "romeo", "x", false, nil)
		if _, ok, err := p.Keys(t.Context(), "romeo", "SHA-256"); ok || err != nil {
			t.Errorf("%s: keys %v, %v", name, ok, err)
		}
	}
}

// Once a new password is set, nobody gets in with the old one.
func TestHammer(t *testing.T) {
	s := newStore()
	first := opened(t, s, policy{hashes: all, iterations: 1})
	second := opened(t, s, policy{hashes: all, iterations: 1}, func(p *provider) { p.shared = first.shared })
	create(t, first, "romeo", "password 0")
	var mu sync.Mutex // guards settled
	settled := 0      // the number of the password that is set
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for _, p := range []*provider{first, second} {
		for range 4 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					mu.Lock()
					n := settled
					mu.Unlock()
					if ok, err := p.Check(context.Background(), "romeo", fmt.Sprint("password ", n-1)); ok || err != nil {
						t.Errorf("password %d of %d: %v, %v", n-1, n, ok, err)
						return
					}
					_, _ = p.Check(context.Background(), "romeo", fmt.Sprint("password ", n))
					_, _ = p.Check(context.Background(), "nobody", "x")
				}
			})
		}
	}
	for n := 1; n <= 200; n++ {
		p := []*provider{first, second}[n%2]
		if err := p.SetPassword(t.Context(), "romeo", fmt.Sprint("password ", n)); err != nil {
			t.Fatal(err)
		}
		want(t, first, "romeo", fmt.Sprint("password ", n), true, nil)
		want(t, second, "romeo", fmt.Sprint("password ", n), true, nil)
		mu.Lock()
		settled = n
		mu.Unlock()
	}
	close(stop)
	wg.Wait()
	if len(first.held) != 0 {
		t.Errorf("%d locks are left", len(first.held))
	}
}
