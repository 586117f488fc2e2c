// SPDX-License-Identifier: Apache-2.0

package plain

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"

	"tercet/core/auth"
)

// accounts is a provider of romeo, of juliet, who is disabled, and of tybalt,
// at whom the database fails.
type accounts struct{ asked int }

var errDown = errors.New("database is down")

func (a *accounts) Check(_ context.Context, user, password string) (bool, error) {
	a.asked++
	right := password == "soft, what light"
	switch {
	case user == "tybalt":
		return false, errDown
	case user == "juliet" && right:
		return true, auth.ErrDisabled
	}
	return user == "romeo" && right, nil
}

func (*accounts) Hashes() []string                             { return nil }
func (*accounts) Exists(context.Context, string) (bool, error) { return false, auth.ErrNotSupported }

func (*accounts) Keys(context.Context, string, string) (k auth.ScramKeys, ok bool, err error) {
	return k, false, auth.ErrNotSupported
}
func (*accounts) Create(context.Context, string, string) error      { return auth.ErrNotSupported }
func (*accounts) SetPassword(context.Context, string, string) error { return auth.ErrNotSupported }
func (*accounts) Delete(context.Context, string) error              { return auth.ErrNotSupported }
func (*accounts) Users(context.Context) iter.Seq2[string, error]    { return nil }

func condition(err error) string {
	if f, ok := errors.AsType[*auth.Failure](err); ok {
		return f.Condition
	}
	return ""
}

func start(unsecured, secured bool, a *accounts) auth.Exchange {
	return mechanism(unsecured).Start(a, &auth.Channel{Host: "example.org", Secured: secured})
}

func TestExchange(t *testing.T) {
	const right = "\x00soft, what light"
	for _, c := range []struct {
		name, msg, user string
		asked           int
		want            string // "" is success
	}{
		{"right", "\x00romeo" + right, "romeo", 1, ""},
		{"case of the localpart", "\x00Romeo" + right, "romeo", 1, ""},
		{"own bare JID", "romeo@example.org\x00romeo" + right, "romeo", 1, ""},
		{"own localpart", "romeo\x00romeo" + right, "romeo", 1, ""},
		{"wrong password", "\x00romeo\x00hard", "romeo", 1, auth.NotAuthorized},
		{"unknown user", "\x00nobody" + right, "nobody", 1, auth.NotAuthorized},
		{"disabled", "\x00juliet" + right, "juliet", 1, auth.AccountDisabled},
		{"disabled, wrong password", "\x00juliet\x00hard", "juliet", 1, auth.NotAuthorized},
		{"authzid of another", "juliet@example.org\x00romeo" + right, "romeo", 0, auth.InvalidAuthzid},
		{"authzid of another host", "romeo@example.com\x00romeo" + right, "romeo", 0, auth.InvalidAuthzid},
		{"authzid with resource", "romeo@example.org/x\x00romeo" + right, "romeo", 0, auth.InvalidAuthzid},
		{"authzid is the domain", "example.org\x00romeo" + right, "romeo", 0, auth.InvalidAuthzid},
		{"whole JID as user", "\x00romeo@example.org" + right, "", 0, auth.NotAuthorized},
		{"user of spaces", "\x00   " + right, "", 0, auth.NotAuthorized},
		{"user far too long", "\x00" + strings.Repeat("a", 3000) + right, "", 0, auth.NotAuthorized},
		{"empty", "", "", 0, auth.MalformedRequest},
		{"no NUL", "romeo", "", 0, auth.MalformedRequest},
		{"one NUL", "romeo" + right, "", 0, auth.MalformedRequest},
		{"three NULs", "\x00romeo" + right + "\x00", "", 0, auth.MalformedRequest},
		{"only NULs", "\x00\x00", "", 0, auth.MalformedRequest},
		{"no user", "\x00" + right, "", 0, auth.MalformedRequest},
		{"no password", "\x00romeo\x00", "", 0, auth.MalformedRequest},
		{"not UTF-8", "\x00ro\xffmeo" + right, "", 0, auth.MalformedRequest},
		{"password not UTF-8", "\x00romeo\x00\xff", "", 0, auth.MalformedRequest},
		{"too long", "\x00romeo\x00" + strings.Repeat("x", maxMessage), "", 0, auth.MalformedRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &accounts{}
			x := start(false, true, a)
			out, done, err := x.Next(t.Context(), []byte(c.msg))
			if condition(err) != c.want || done != (c.want == "") || out != nil {
				t.Errorf("got %q, %v, %v; want %q", out, done, err, c.want)
			}
			var f *auth.Failure
			if errors.As(err, &f) && f.User != c.user || x.User() != c.user || a.asked != c.asked {
				t.Errorf("user %q, failure %+v, asked %d times; want %q, %d", x.User(), f, a.asked, c.user, c.asked)
			}
			if _, done, err := x.Next(t.Context(), []byte("\x00romeo"+right)); done || condition(err) != auth.MalformedRequest {
				t.Errorf("goes on after its end: %v, %v", done, err)
			}
		})
	}
}

// Without an initial response the client is asked for one.
func TestPrompt(t *testing.T) {
	x := start(false, true, &accounts{})
	out, done, err := x.Next(t.Context(), nil)
	if out == nil || len(out) > 0 || done || err != nil {
		t.Fatalf("got %q, %v, %v; want an empty challenge", out, done, err)
	}
	if _, done, err := x.Next(t.Context(), []byte("\x00romeo\x00soft, what light")); !done || err != nil {
		t.Errorf("got %v, %v", done, err)
	}
}

// In clear, PLAIN is neither offered nor done, unless the config says so.
func TestUnsecured(t *testing.T) {
	for _, c := range []struct{ unsecured, secured, want bool }{
		{false, false, false}, {false, true, true}, {true, false, true}, {true, true, true},
	} {
		a := &accounts{}
		m := mechanism(c.unsecured)
		if got := m.Offer(a, &auth.Channel{Secured: c.secured}); got != c.want {
			t.Errorf("%+v: offered %v", c, got)
		}
		_, done, err := start(c.unsecured, c.secured, a).Next(t.Context(), []byte("\x00romeo\x00soft, what light"))
		if done != c.want || (condition(err) == auth.EncryptionRequired) == c.want || (a.asked > 0) != c.want {
			t.Errorf("%+v: %v, %v, asked %d times", c, done, err, a.asked)
		}
	}
}

func TestProviderFails(t *testing.T) {
	_, done, err := start(false, true, &accounts{}).Next(t.Context(), []byte("\x00tybalt\x00x"))
	if done || !errors.Is(err, errDown) || condition(err) != "" {
		t.Errorf("got %v, %v", done, err)
	}
}

// Nobody gets in without the password, and only as himself.
func FuzzExchange(f *testing.F) {
	for _, s := range []string{"\x00romeo\x00soft, what light", "romeo@example.org\x00romeo\x00soft, what light", "\x00\x00", "", "a\x00b\x00c\x00d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		x := start(false, true, &accounts{})
		_, done, err := x.Next(t.Context(), []byte(s))
		if done && (x.User() != "romeo" || !strings.HasSuffix(s, "\x00soft, what light")) {
			t.Fatalf("%q gets in as %q", s, x.User())
		}
		if !done && err == nil {
			t.Fatalf("%q: neither done nor refused", s)
		}
	})
}

func BenchmarkExchange(b *testing.B) {
	a, msg := &accounts{}, []byte("\x00romeo\x00soft, what light")
	b.ReportAllocs()
	for b.Loop() {
		if _, done, err := start(false, true, a).Next(b.Context(), msg); !done || err != nil {
			b.Fatal(err)
		}
	}
}
