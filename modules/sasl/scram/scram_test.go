// SPDX-License-Identifier: Apache-2.0

package scram

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"iter"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"tercet/core/auth"
)

// accounts is a provider of romeo, juliet (disabled) and two that RFCs name.
type accounts struct {
	iterations int
	err        error // of Keys
	salts      map[string]string
	hashes     []string
	asked      int
}

var passwords = map[string]string{"romeo": "soft, what light", "user": "pencil", "juliet": "wherefore", "a,=b": "comma"}

func (a *accounts) Hashes() []string {
	if a.hashes != nil {
		return a.hashes
	}
	return []string{"SHA-1", "SHA-256", "SHA-512"}
}

func (a *accounts) Keys(_ context.Context, user, hash string) (k auth.ScramKeys, ok bool, err error) {
	a.asked++
	if a.err != nil {
		return k, false, a.err
	}
	var v variant
	for _, v = range variants {
		if v.hash == hash {
			break
		}
	}
	password, ok := passwords[user]
	if !ok {
		password = "never " + user
	}
	k.Iterations = max(a.iterations, 4096)
	k.Salt = []byte("salt of " + user)
	if s, ok := a.salts[hash]; ok {
		k.Salt, _ = base64.StdEncoding.DecodeString(s)
	}
	salted, err := pbkdf2.Key(v.make, password, k.Salt, k.Iterations, v.size)
	if err != nil {
		return k, false, err
	}
	h := v.make()
	h.Write(v.mac(salted, "Client Key"))
	k.StoredKey, k.ServerKey = h.Sum(nil), v.mac(salted, "Server Key")
	if user == "juliet" {
		err = auth.ErrDisabled
	}
	return k, ok, err
}

func (*accounts) Exists(context.Context, string) (bool, error) { return false, auth.ErrNotSupported }

func (*accounts) Check(context.Context, string, string) (bool, error) {
	return false, auth.ErrNotSupported
}
func (*accounts) Create(context.Context, string, string) error      { return auth.ErrNotSupported }
func (*accounts) SetPassword(context.Context, string, string) error { return auth.ErrNotSupported }
func (*accounts) Delete(context.Context, string) error              { return auth.ErrNotSupported }
func (*accounts) Users(context.Context) iter.Seq2[string, error]    { return nil }

var bindings = map[string][]byte{
	"tls-exporter":         bytes.Repeat([]byte{1}, 32),
	"tls-server-end-point": bytes.Repeat([]byte{2}, 32),
	"tls-unique":           bytes.Repeat([]byte{3}, 12),
}

// channel is that of a TLS stream on which all mechanisms are offered.
func channel(log *bytes.Buffer, kinds ...string) *auth.Channel {
	c := &auth.Channel{
		Host: "example.org", Remote: netip.MustParseAddr("192.0.2.7"), Secured: true, Bindings: kinds,
		Binding: func(kind string) ([]byte, bool) { b, ok := bindings[kind]; return b, ok },
		Log:     slog.New(slog.DiscardHandler),
	}
	if log != nil {
		c.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	for i := range variants {
		c.Offered = append(c.Offered, variants[i].name(false))
		if len(kinds) > 0 {
			c.Offered = append(c.Offered, variants[i].name(true))
		}
	}
	return c
}

func variantOf(tb testing.TB, hash string) *variant {
	tb.Helper()
	for i := range variants {
		if variants[i].hash == hash {
			return &variants[i]
		}
	}
	tb.Fatalf("no hash %s", hash)
	return nil
}

func condition(err error) string {
	if f, ok := errors.AsType[*auth.Failure](err); ok {
		return f.Condition
	}
	return ""
}

// The examples of RFC 5802 section 5 and RFC 7677 section 3.
func TestVectors(t *testing.T) {
	for _, c := range []struct{ hash, salt, nonce, first, challenge, final, success string }{
		{
			"SHA-1", "QSXCR+Q6sek8bf92", "3rfcNHYJY1ZVvWVs7j", "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
			"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
			"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
			"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
		},
		{
			"SHA-256", "W22ZaJ0SNY7soEsUEjb6gQ==", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
			"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
			"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		},
	} {
		t.Run(c.hash, func(t *testing.T) {
			ch := channel(nil)
			ch.Offered = nil // they are older than XEP-0474
			p := &policy{nonce: func() string { return c.nonce }}
			x := variantOf(t, c.hash).mechanism(false, p).Start(&accounts{salts: map[string]string{c.hash: c.salt}}, ch)
			got, done, err := x.Next(t.Context(), []byte(c.first))
			if string(got) != c.challenge || done || err != nil {
				t.Fatalf("challenge %q, %v, %v; want %q", got, done, err, c.challenge)
			}
			got, done, err = x.Next(t.Context(), []byte(c.final))
			if string(got) != c.success || !done || err != nil || x.User() != "user" {
				t.Fatalf("success %q, %v, %v for %q; want %q", got, done, err, x.User(), c.success)
			}
		})
	}
}

// The example of XEP-0474 section 5.3.
func TestAdvertised(t *testing.T) {
	got := variantOf(t, "SHA-1").advertised([]string{"SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"}, []string{"tls-server-end-point", "tls-exporter"})
	if want := "G6k/rBLDqgOhRRaCuuatSDFkJ08="; got != want {
		t.Errorf("h=%s, want %s", got, want)
	}
	with := variantOf(t, "SHA-256").advertised([]string{"PLAIN"}, nil)
	sum := sha256.Sum256([]byte("PLAIN"))
	if want := base64.StdEncoding.EncodeToString(sum[:]); with != want {
		t.Errorf("without channel binding h=%s, want %s", with, want)
	}
}

func TestOffer(t *testing.T) {
	for _, c := range []struct {
		name   string
		hashes []string
		kinds  []string
		plus   bool
		want   bool
	}{
		{"keys and no binding", []string{"SHA-1", "SHA-256"}, nil, false, true},
		{"no keys", []string{"SHA-1"}, nil, false, false},
		{"accounts elsewhere", []string{}, nil, false, false},
		{"plus with binding", []string{"SHA-256"}, []string{"tls-exporter"}, true, true},
		{"plus without binding", []string{"SHA-256"}, nil, true, false},
		{"plus without keys", []string{"SHA-512"}, []string{"tls-exporter"}, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := variantOf(t, "SHA-256").mechanism(c.plus, &policy{nonce: newNonce})
			if got := m.Offer(&accounts{hashes: c.hashes}, channel(nil, c.kinds...)); got != c.want {
				t.Errorf("offered %v, want %v", got, c.want)
			}
		})
	}
}

// Strongest first: binding before none, then the longer hash.
func TestStrength(t *testing.T) {
	last := 1 << 20
	for _, plus := range []bool{true, false} {
		for i := range variants {
			m := variants[i].mechanism(plus, &policy{})
			if m.Strength >= last {
				t.Errorf("%s has strength %d, the one before has %d", variants[i].name(plus), m.Strength, last)
			}
			last = m.Strength
		}
	}
}

// final makes the client-final-message of somebody who knows the password.
func final(v *variant, k auth.ScramKeys, password, bare, reply, withoutProof string) string {
	salted, _ := pbkdf2.Key(v.make, password, k.Salt, k.Iterations, v.size)
	key := v.mac(salted, "Client Key")
	h := v.make()
	h.Write(key)
	sign := hmac.New(v.make, h.Sum(nil))
	sign.Write([]byte(bare + "," + reply + "," + withoutProof))
	proof := sign.Sum(nil)
	for i := range proof {
		proof[i] ^= key[i]
	}
	return withoutProof + ",p=" + base64.StdEncoding.EncodeToString(proof)
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// What a hostile or broken client may send first.
func TestFirstRefused(t *testing.T) {
	long := strings.Repeat("x", maxNonce+1)
	for _, c := range []struct {
		name, msg string
		plus      bool
		want      string
	}{
		{"empty", "", false, auth.MalformedRequest},
		{"no commas", "n", false, auth.MalformedRequest},
		{"one comma", "n,", false, auth.MalformedRequest},
		{"header only", "n,,", false, auth.MalformedRequest},
		{"unknown flag", "q,,n=romeo,r=abc", false, auth.MalformedRequest},
		{"upper case flag", "N,,n=romeo,r=abc", false, auth.MalformedRequest},
		{"long flag", "nn,,n=romeo,r=abc", false, auth.MalformedRequest},
		{"p without type", "p=,,n=romeo,r=abc", true, auth.MalformedRequest},
		{"p with bad type", "p=tls unique,,n=romeo,r=abc", true, auth.MalformedRequest},
		{"p with endless type", "p=" + strings.Repeat("a", 65) + ",,n=romeo,r=abc", true, auth.MalformedRequest},
		{"p without plus", "p=tls-exporter,,n=romeo,r=abc", false, auth.MalformedRequest},
		{"plus without p", "n,,n=romeo,r=abc", true, auth.MalformedRequest},
		{"plus with y", "y,,n=romeo,r=abc", true, auth.MalformedRequest},
		{"type not offered", "p=tls-unique,,n=romeo,r=abc", true, auth.InvalidMechanism},
		{"type unknown", "p=tls-fantasy,,n=romeo,r=abc", true, auth.InvalidMechanism},
		{"y while plus is offered", "y,,n=romeo,r=abc", false, auth.MechanismTooWeak},
		{"mandatory extension first", "n,,m=x,n=romeo,r=abc", false, auth.MalformedRequest},
		{"mandatory extension last", "n,,n=romeo,r=abc,m=x", false, auth.MalformedRequest},
		{"user twice", "n,,n=romeo,r=abc,n=juliet", false, auth.MalformedRequest},
		{"nonce twice", "n,,n=romeo,r=abc,r=abd", false, auth.MalformedRequest},
		{"extension twice", "n,,n=romeo,r=abc,x=1,x=1", false, auth.MalformedRequest},
		{"wrong order", "n,,r=abc,n=romeo", false, auth.MalformedRequest},
		{"extension first", "n,,x=1,n=romeo,r=abc", false, auth.MalformedRequest},
		{"no nonce", "n,,n=romeo", false, auth.MalformedRequest},
		{"empty nonce", "n,,n=romeo,r=", false, auth.MalformedRequest},
		{"nonce with a space", "n,,n=romeo,r=a b", false, auth.MalformedRequest},
		{"nonce not ASCII", "n,,n=romeo,r=é", false, auth.MalformedRequest},
		{"nonce too long", "n,,n=romeo,r=" + long, false, auth.MalformedRequest},
		{"empty user", "n,,n=,r=abc", false, auth.MalformedRequest},
		{"bare =", "n,,n=ro=meo,r=abc", false, auth.MalformedRequest},
		{"= at the end", "n,,n=romeo=,r=abc", false, auth.MalformedRequest},
		{"=2 at the end", "n,,n=romeo=2,r=abc", false, auth.MalformedRequest},
		{"=2c in lower case", "n,,n=a=2cb,r=abc", false, auth.MalformedRequest},
		{"=00", "n,,n=a=00b,r=abc", false, auth.MalformedRequest},
		{"NUL", "n,,n=ro\x00meo,r=abc", false, auth.MalformedRequest},
		{"not UTF-8", "n,,n=ro\xffmeo,r=abc", false, auth.MalformedRequest},
		{"digit as attribute", "n,,1=romeo,r=abc", false, auth.MalformedRequest},
		{"trailing comma", "n,,n=romeo,r=abc,", false, auth.MalformedRequest},
		{"attribute without =", "n,,n=romeo,r=abc,xyz", false, auth.MalformedRequest},
		{"authzid without a=", "n,romeo,n=romeo,r=abc", false, auth.MalformedRequest},
		{"authzid empty", "n,a=,n=romeo,r=abc", false, auth.MalformedRequest},
		{"authzid with bad escape", "n,a=ro=meo,n=romeo,r=abc", false, auth.MalformedRequest},
		{"authzid of another", "n,a=juliet@example.org,n=romeo,r=abc", false, auth.InvalidAuthzid},
		{"authzid of another host", "n,a=romeo@example.com,n=romeo,r=abc", false, auth.InvalidAuthzid},
		{"authzid with resource", "n,a=romeo@example.org/x,n=romeo,r=abc", false, auth.InvalidAuthzid},
		{"authzid escaped", "n,a=romeo=2Cjuliet,n=romeo,r=abc", false, auth.InvalidAuthzid},
		{"authzid of another localpart", "n,a=juliet,n=romeo,r=abc", false, auth.InvalidAuthzid},
		{"user is no localpart", "n,,n=romeo@example.org,r=abc", false, auth.NotAuthorized},
		{"user of controls", "n,,n=\x07,r=abc", false, auth.NotAuthorized},
		{"right to left mix", "n,,n=\u06271,r=abc", false, auth.NotAuthorized},
		{"too long", "n,,n=" + strings.Repeat("a", maxMessage) + ",r=abc", false, auth.MalformedRequest},
		{"thousand commas", "n,," + strings.Repeat(",", 1000), false, auth.MalformedRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &accounts{}
			v := variantOf(t, "SHA-256")
			x := v.mechanism(c.plus, &policy{nonce: newNonce}).Start(a, channel(nil, "tls-exporter", "tls-server-end-point"))
			out, done, err := x.Next(t.Context(), []byte(c.msg))
			if got := condition(err); got != c.want || done || out != nil {
				t.Errorf("got %q, %v, %v; want %s", out, done, err, c.want)
			}
			if a.asked > 0 {
				t.Error("the accounts were asked")
			}
			if _, done, err := x.Next(t.Context(), []byte("n,,n=romeo,r=abc")); done || condition(err) != auth.MalformedRequest {
				t.Errorf("goes on after its end: %v, %v", done, err)
			}
		})
	}
}

func TestFirstAccepted(t *testing.T) {
	for _, c := range []struct{ name, msg, user string }{
		{"simple", "n,,n=romeo,r=abc", "romeo"},
		{"case of the localpart", "n,,n=ROMEO,r=abc", "romeo"},
		{"soft hyphen", "n,,n=ro\u00admeo,r=abc", "romeo"},
		{"optional extension", "n,,n=romeo,r=abc,x=1=2,y=z", "romeo"},
		{"own bare JID", "n,a=romeo@example.org,n=romeo,r=abc", "romeo"},
		{"own localpart", "n,a=Romeo,n=romeo,r=abc", "romeo"},
		{"escapes", "n,,n=a=2C=3Db,r=abc", "a,=b"},
		{"own JID in escapes", "n,a=a=2C=3Db@example.org,n=a=2C=3Db,r=abc", "a,=b"},
		{"all printable in the nonce", "n,,n=romeo,r=!\"#$%&'()*+-./:;<=>?@[]^_`{|}~", "romeo"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := variantOf(t, "SHA-1").mechanism(false, &policy{nonce: newNonce}).Start(&accounts{}, channel(nil))
			out, done, err := x.Next(t.Context(), nil)
			if out == nil || len(out) > 0 || done || err != nil {
				t.Fatalf("without an initial response: %q, %v, %v; want an empty challenge", out, done, err)
			}
			out, done, err = x.Next(t.Context(), []byte(c.msg))
			_, nonce, _ := strings.Cut(c.msg, ",r=")
			nonce, _, _ = strings.Cut(nonce, ",")
			if !strings.HasPrefix(string(out), "r="+nonce) || done || err != nil || x.User() != c.user {
				t.Errorf("got %q, %v, %v for %q", out, done, err, x.User())
			}
		})
	}
}

// What a hostile client may send last. Each begins from a good exchange; the
// proofs are right unless the case is about them.
func TestFinal(t *testing.T) {
	const nonce = "0123456789"
	type made struct{ bare, reply string }
	v := variantOf(t, "SHA-256")
	good := func(header, binding, user string) func(made) string {
		return func(m made) string {
			k, _, _ := (&accounts{}).Keys(context.Background(), user, "SHA-256")
			return final(v, k, passwords[user], m.bare, m.reply, "c="+b64(header+binding)+",r=abc"+nonce)
		}
	}
	raw := func(s string) func(made) string { return func(made) string { return s } }
	exporter := string(bindings["tls-exporter"])
	zero := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, c := range []struct {
		name, header, user string
		final              func(made) string
		want               string // "" means success
	}{
		{"right", "n,,", "romeo", good("n,,", "", "romeo"), ""},
		{"right with binding", "p=tls-exporter,,", "romeo", good("p=tls-exporter,,", exporter, "romeo"), ""},
		{"right with the second binding", "p=tls-server-end-point,,", "romeo", good("p=tls-server-end-point,,", string(bindings["tls-server-end-point"]), "romeo"), ""},
		{"right with authzid", "n,a=romeo,", "romeo", good("n,a=romeo,", "", "romeo"), ""},
		{"right with an extension", "n,,", "romeo", func(m made) string {
			k, _, _ := (&accounts{}).Keys(context.Background(), "romeo", "SHA-256")
			return final(v, k, passwords["romeo"], m.bare, m.reply, "c=biws,r=abc"+nonce+",x=7,y==")
		}, ""},
		{"right with more behind the proof", "n,,", "romeo", func(m made) string {
			s := good("n,,", "", "romeo")(m)
			at := strings.LastIndex(s, ",p=") + 3
			proof, _ := base64.StdEncoding.DecodeString(s[at:])
			return s[:at] + base64.StdEncoding.EncodeToString(append(proof, 0))
		}, auth.NotAuthorized},
		{"password of another", "n,,", "romeo", good("n,,", "", "user"), auth.NotAuthorized},
		{"unknown user, the password of the false keys", "n,,", "nobody", func(m made) string {
			k, _, _ := (&accounts{}).Keys(context.Background(), "nobody", "SHA-256")
			return final(v, k, "never nobody", m.bare, m.reply, "c=biws,r=abc"+nonce)
		}, auth.NotAuthorized},
		{"disabled", "n,,", "juliet", good("n,,", "", "juliet"), auth.AccountDisabled},
		{"disabled, wrong password", "n,,", "juliet", good("n,,", "", "romeo"), auth.NotAuthorized},
		{"binding of another channel", "p=tls-exporter,,", "romeo", good("p=tls-exporter,,", strings.Repeat("\x09", 32), "romeo"), auth.NotAuthorized},
		{"binding cut off", "p=tls-exporter,,", "romeo", good("p=tls-exporter,,", exporter[:31], "romeo"), auth.NotAuthorized},
		{"binding left out", "p=tls-exporter,,", "romeo", good("p=tls-exporter,,", "", "romeo"), auth.NotAuthorized},
		{"data of another type", "p=tls-exporter,,", "romeo", good("p=tls-exporter,,", string(bindings["tls-server-end-point"]), "romeo"), auth.NotAuthorized},
		{"another header", "n,,", "romeo", good("y,,", "", "romeo"), auth.NotAuthorized},
		{"header with more", "n,,", "romeo", good("n,,", "x", "romeo"), auth.NotAuthorized},
		{"other authzid than before", "n,,", "romeo", good("n,a=juliet,", "", "romeo"), auth.NotAuthorized},
		{"only the client's nonce", "n,,", "romeo", raw("c=biws,r=abc,p=" + zero), auth.MalformedRequest},
		{"another nonce", "n,,", "romeo", raw("c=biws,r=xyz" + nonce + ",p=" + zero), auth.MalformedRequest},
		{"nonce with more", "n,,", "romeo", raw("c=biws,r=abc" + nonce + "1,p=" + zero), auth.MalformedRequest},
		{"proof of zeros", "n,,", "romeo", raw("c=biws,r=abc" + nonce + ",p=" + zero), auth.NotAuthorized},
		{"proof of nothing", "n,,", "romeo", raw("c=biws,r=abc" + nonce + ",p="), auth.NotAuthorized},
		{"short proof", "n,,", "romeo", raw("c=biws,r=abc" + nonce + ",p=AAAA"), auth.NotAuthorized},
		{"long proof", "n,,", "romeo", raw("c=biws,r=abc" + nonce + ",p=" + strings.Repeat("AAAA", 1000)), auth.NotAuthorized},
		{"no proof", "n,,", "romeo", raw("c=biws,r=abc" + nonce), auth.MalformedRequest},
		{"proof not base64", "n,,", "romeo", raw("c=biws,r=abc" + nonce + ",p=!!!!"), auth.MalformedRequest},
		{"proof without padding", "n,,", "romeo", raw("c=biws,r=abc" + nonce + ",p=" + strings.TrimRight(zero, "=")), auth.MalformedRequest},
		{"proof with a line end", "n,,", "romeo", raw("c=biws,r=abc" + nonce + ",p=" + zero + "\n"), auth.MalformedRequest},
		{"proof with loose bits", "n,,", "romeo", raw("c=biws,r=abc" + nonce + ",p=AB=="), auth.MalformedRequest},
		{"proof twice", "n,,", "romeo", raw("c=biws,r=abc" + nonce + ",p=" + zero + ",p=" + zero), auth.MalformedRequest},
		{"something behind the proof", "n,,", "romeo", raw("c=biws,r=abc" + nonce + ",p=" + zero + ",x=1"), auth.MalformedRequest},
		{"binding twice", "n,,", "romeo", raw("c=biws,c=biws,r=abc" + nonce + ",p=" + zero), auth.MalformedRequest},
		{"binding not base64", "n,,", "romeo", raw("c=bi ws,r=abc" + nonce + ",p=" + zero), auth.MalformedRequest},
		{"no binding", "n,,", "romeo", raw("r=abc" + nonce + ",p=" + zero), auth.MalformedRequest},
		{"wrong order", "n,,", "romeo", raw("r=abc" + nonce + ",c=biws,p=" + zero), auth.MalformedRequest},
		{"mandatory extension", "n,,", "romeo", raw("c=biws,r=abc" + nonce + ",m=1,p=" + zero), auth.MalformedRequest},
		{"empty", "n,,", "romeo", raw(""), auth.MalformedRequest},
		{"another first message", "n,,", "romeo", raw("n,,n=romeo,r=abc"), auth.MalformedRequest},
		{"too long", "n,,", "romeo", raw("c=biws,r=abc" + nonce + ",x=" + strings.Repeat("x", maxMessage) + ",p=" + zero), auth.MalformedRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := v.mechanism(c.header[0] == 'p', &policy{nonce: func() string { return nonce }})
			x := m.Start(&accounts{}, channel(nil, "tls-exporter", "tls-server-end-point"))
			bare := "n=" + c.user + ",r=abc"
			reply, _, err := x.Next(t.Context(), []byte(c.header+bare))
			if err != nil {
				t.Fatal(err)
			}
			out, done, err := x.Next(t.Context(), []byte(c.final(made{bare, string(reply)})))
			if condition(err) != c.want || done != (c.want == "") || (out != nil) != done {
				t.Errorf("got %q, %v, %v; want %q", out, done, err, c.want)
			}
			if _, done, err := x.Next(t.Context(), []byte("c=biws,r=abc,p="+zero)); done || condition(err) != auth.MalformedRequest {
				t.Errorf("goes on after its end: %v, %v", done, err)
			}
		})
	}
}

func TestProviderFails(t *testing.T) {
	down := errors.New("database is down")
	for _, c := range []struct {
		err  error
		want string
	}{{down, ""}, {auth.ErrNotSupported, auth.InvalidMechanism}} {
		x := variantOf(t, "SHA-1").mechanism(false, &policy{nonce: newNonce}).Start(&accounts{err: c.err}, channel(nil))
		_, done, err := x.Next(t.Context(), []byte("n,,n=romeo,r=abc"))
		if done || condition(err) != c.want || (c.want == "" && !errors.Is(err, down)) {
			t.Errorf("%v is told as %v", c.err, err)
		}
	}
}

func TestLogs(t *testing.T) {
	for _, c := range []struct {
		name, msg  string
		plus       bool
		allow      bool
		want, none []string
	}{
		{"y refused", "y,,n=romeo,r=abc", false, false, []string{"level=WARN", "192.0.2.7", "tls-exporter", "SCRAM-SHA-1", `channel_binding_downgrade = \"allow\"`}, nil},
		{"y allowed", "y,,n=romeo,r=abc", false, true, []string{"level=DEBUG", "192.0.2.7"}, []string{"WARN"}},
		{"type not offered", "p=tls-unique,,n=romeo,r=abc", true, false, []string{"level=INFO", "192.0.2.7", "binding=tls-unique", "offered=[tls-exporter]"}, nil},
		{"n", "n,,n=romeo,r=abc", false, false, nil, []string{"level"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			m := variantOf(t, "SHA-1").mechanism(c.plus, &policy{nonce: newNonce, allowDowngrade: c.allow})
			_, _, err := m.Start(&accounts{}, channel(&log, "tls-exporter")).Next(t.Context(), []byte(c.msg))
			if c.allow && err != nil {
				t.Error(err)
			}
			for _, s := range c.want {
				if !strings.Contains(log.String(), s) {
					t.Errorf("log lacks %s: %s", s, log.String())
				}
			}
			for _, s := range c.none {
				if strings.Contains(log.String(), s) {
					t.Errorf("log has %s: %s", s, log.String())
				}
			}
		})
	}
}

// A client that supports channel binding may say so where none is offered.
func TestYWithoutPlus(t *testing.T) {
	x := variantOf(t, "SHA-1").mechanism(false, &policy{nonce: newNonce}).Start(&accounts{}, channel(nil))
	if _, _, err := x.Next(t.Context(), []byte("y,,n=romeo,r=abc")); err != nil {
		t.Error(err)
	}
}

func TestFailureNamesUser(t *testing.T) {
	x := variantOf(t, "SHA-1").mechanism(false, &policy{nonce: newNonce}).Start(&accounts{}, channel(nil))
	_, _, err := x.Next(t.Context(), []byte("n,a=juliet,n=Romeo,r=abc"))
	var f *auth.Failure
	if !errors.As(err, &f) || f.User != "romeo" {
		t.Errorf("failure %v does not name romeo", err)
	}
}

func TestNonce(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		n := newNonce()
		if len(n) != 24 || !isNonce(n) || seen[n] {
			t.Fatalf("bad nonce %q", n)
		}
		seen[n] = true
	}
}
