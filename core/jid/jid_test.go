// SPDX-License-Identifier: Apache-2.0

package jid_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"tercet/core/jid"
)

func TestParse(t *testing.T) {
	long := strings.Repeat("a", 1023)
	tests := []struct {
		name, in                string
		local, domain, resource string
	}{
		// RFC 7622 3.5, table 1
		{"bare", "juliet@example.com", "juliet", "example.com", ""},
		{"full", "juliet@example.com/foo", "juliet", "example.com", "foo"},
		{"space in the resourcepart", "juliet@example.com/foo bar", "juliet", "example.com", "foo bar"},
		{"at sign in the resourcepart", "juliet@example.com/foo@bar", "juliet", "example.com", "foo@bar"},
		{"escaped localpart", `foo\20bar@example.com`, `foo\20bar`, "example.com", ""},
		{"fussball", "fussball@example.com", "fussball", "example.com", ""},
		{"fußball", "fußball@example.com", "fußball", "example.com", ""},
		{"pi", "π@example.com", "π", "example.com", ""},
		{"sigma in capitals", "Σ@example.com/foo", "σ", "example.com", "foo"},
		{"sigma", "σ@example.com/foo", "σ", "example.com", "foo"},
		{"final sigma", "ς@example.com/foo", "ς", "example.com", "foo"},
		{"king in the resourcepart", "king@example.com/♚", "king", "example.com", "♚"},
		{"domain", "example.com", "", "example.com", ""},
		{"domain and resource", "example.com/foobar", "", "example.com", "foobar"},
		{"at sign behind the slash", "a.example.com/b@example.net", "", "a.example.com", "b@example.net"},
		// the rest
		{"upper case", "Juliet@EXAMPLE.com/Balcony", "juliet", "example.com", "Balcony"},
		{"slashes in the resourcepart", "a@b/c/d//", "a", "b", "c/d//"},
		{"trailing dot", "a@example.com./r", "a", "example.com", "r"},
		{"A-label", "a@xn--fuball-cta.example", "a", "fußball.example", ""},
		{"A-label in capitals", "XN--FUBALL-CTA.example", "", "fußball.example", ""},
		{"ideographic full stop", "example。com。", "", "example.com", ""},
		{"IPv4 address", "a@192.0.2.1", "a", "192.0.2.1", ""},
		{"IPv6 address", "a@[2001:DB8::0:1]/r", "a", "[2001:db8::1]", "r"},
		{"single label", "localhost", "", "localhost", ""},
		{"underscore elsewhere", "a_b@c/_", "a_b", "c", "_"},
		{"longest parts", long + "@b/" + long, long, "b", long},
		{"fullwidth", "ｊｕｌｉｅｔ@example.com", "juliet", "example.com", ""},
		{"decomposed", "e\u0301@example.com/e\u0301", "é", "example.com", "é"},
		{"no-break space in the resourcepart", "a@b/c\u00a0d", "a", "b", "c d"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // the second time from the cache
				j, err := jid.Parse(tt.in)
				if err != nil {
					t.Fatal(err)
				}
				if j.Local() != tt.local || j.Domain() != tt.domain || j.Resource() != tt.resource {
					t.Errorf("got %q %q %q, want %q %q %q", j.Local(), j.Domain(), j.Resource(), tt.local, tt.domain, tt.resource)
				}
				built, err := jid.New(tt.local, tt.domain, tt.resource)
				if err != nil || built != j {
					t.Errorf("New gives %q, %v, want %q", built, err, j)
				}
				if again, err := jid.ParseBytes([]byte(j.String())); err != nil || again != j {
					t.Errorf("canonical form %q parses to %q, %v", j, again, err)
				}
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	long := strings.Repeat("a", 1024)
	tests := []struct{ name, in string }{
		// RFC 7622 3.5, table 2
		{"quotation marks", `"juliet"@example.com`},
		{"space in the localpart", "foo bar@example.com"},
		{"at sign without a localpart", "@example.com"},
		{"slash without a resourcepart", "juliet@example.com/"},
		{"Roman numeral", "henry\u2163@example.com"},
		{"symbol in the localpart", "♚@example.com"},
		{"no domain", "juliet@"},
		{"only a resource", "/foobar"},
		// the rest
		{"nothing", ""},
		{"two at signs", "a@b@c"},
		{"colon", "a:b@c"},
		{"long localpart", long + "@b"},
		{"long domainpart", "a@" + strings.Repeat("a.", 511) + "aa"},
		{"long resourcepart", "a@b/" + long},
		{"not UTF-8 in the localpart", "\xff@b"},
		{"not UTF-8 in the domainpart", "a@\xff"},
		{"not UTF-8 in the resourcepart", "a@b/\xff"},
		{"control character", "a@b/\x07"},
		{"empty label", "a@b..c"},
		{"two trailing dots", "a@b.."},
		{"only a dot", "."},
		{"label with a hyphen first", "a@-b"},
		{"A-label that is none", "a@xn--\u00fc"},
		{"IPv6 address without brackets", "a@::1"},
		{"IPv6 address with a zone", "a@[fe80::1%eth0]"},
		{"IPv4 address in brackets", "a@[192.0.2.1]"},
		{"mapped address", "a@[::ffff:192.0.2.1]"},
		{"open bracket", "a@[::1"},
		{"space in the domainpart", "a@b c"},
		{"fullwidth solidus", "a@b\uff0fc"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j, err := jid.Parse(tt.in)
			if !errors.Is(err, jid.ErrInvalid) || !j.IsZero() {
				t.Errorf("Parse(%q) = %q, %v, want an error", tt.in, j, err)
			}
		})
	}
}

func TestParts(t *testing.T) {
	full := jid.MustParse("a@b.c/d")
	if got := full.Bare(); got != jid.MustParse("a@b.c") || got.Bare() != got {
		t.Errorf("Bare() = %q", got)
	}
	if got := full.Host(); got != jid.MustParse("b.c") || got.Host() != got {
		t.Errorf("Host() = %q", got)
	}
	other, err := full.WithResource("x/y")
	if err != nil || other != jid.MustParse("a@b.c/x/y") {
		t.Errorf("WithResource() = %q, %v", other, err)
	}
	if none, err := full.WithResource(""); err != nil || none != full.Bare() {
		t.Errorf("WithResource(nothing) = %q, %v", none, err)
	}
	if _, err := full.WithResource("\x00"); err == nil {
		t.Error("WithResource accepts a control character")
	}
	if _, err := (jid.JID{}).WithResource("x"); err == nil {
		t.Error("the zero JID gets a resourcepart")
	}
	var zero jid.JID
	if zero.String() != "" || zero.Local() != "" || zero.Domain() != "" || zero.Resource() != "" || zero.Bare() != zero {
		t.Error("the zero JID has parts")
	}
	for _, tt := range []struct {
		j                        jid.JID
		zero, bare, full, domain bool
	}{
		{zero, true, false, false, false},
		{full, false, false, true, false},
		{full.Bare(), false, true, false, false},
		{full.Host(), false, true, false, true},
		{jid.MustParse("b.c/d"), false, false, true, false},
	} {
		if tt.j.IsZero() != tt.zero || tt.j.IsBare() != tt.bare || tt.j.IsFull() != tt.full || tt.j.IsDomain() != tt.domain {
			t.Errorf("%q: wrong answers about its kind", tt.j)
		}
	}
}

func TestText(t *testing.T) {
	want := jid.MustParse("a@b/c")
	b, err := want.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	got := jid.MustParse("x")
	if err := got.UnmarshalText(b); err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if err := got.UnmarshalText([]byte("@")); err == nil || got != want {
		t.Errorf("a fault changes the value to %q (%v)", got, err)
	}
	if err := got.UnmarshalText(nil); err != nil || !got.IsZero() {
		t.Errorf("nothing gives %q, %v", got, err)
	}
}

func TestLegacyLocal(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "juliet", ""},
		{"upper case only", "Juliet", ""},
		{"sharp s", "straße", "strasse"},
		{"final sigma", "Νίκος", "νίκοσ"},
		{"ligature, which RFC 7622 refuses", "ﬁn", "fin"},
		{"Roman numeral, which RFC 7622 refuses", "henry\u2163", "henryiv"},
		{"symbol, which RFC 7622 refuses", "♚", "♚"},
		{"soft hyphen, which goes", "a\u00adb", "ab"},
		{"umlaut", "Jürgen", ""},
		{"forbidden then too", "a b", ""},
		{"forbidden after a mapping", "a\uff20b", ""},
		{"nothing left", "\u00ad", ""},
		{"not UTF-8", "\xff", ""},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := jid.LegacyLocal(tt.in); got != tt.want {
				t.Errorf("LegacyLocal(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestEscape(t *testing.T) {
	// XEP-0106 1.1, tables 2 and 3
	for _, tt := range []struct{ in, want string }{
		{"space cadet", `space\20cadet`},
		{`call me "ishmael"`, `call\20me\20\22ishmael\22`},
		{"at&t guy", `at\26t\20guy`},
		{"d'artagnan", `d\27artagnan`},
		{"/.fanboy", `\2f.fanboy`},
		{"::foo::", `\3a\3afoo\3a\3a`},
		{"<foo>", `\3cfoo\3e`},
		{"user@host", `user\40host`},
		{`c:\net`, `c\3a\net`},
		{`c:\\net`, `c\3a\\net`},
		{`c:\cool stuff`, `c\3a\cool\20stuff`},
		{`c:\5commas`, `c\3a\5c5commas`},
		{" a ", " a "},
		{"plain", "plain"},
	} {
		if got := jid.Escape(tt.in); got != tt.want {
			t.Errorf("Escape(%q) = %q, want %q", tt.in, got, tt.want)
		}
		if got := jid.Unescape(tt.want); got != tt.in {
			t.Errorf("Unescape(%q) = %q, want %q", tt.want, got, tt.in)
		}
	}
	if got := jid.Unescape(`\20a\20`); got != `\20a\20` {
		t.Errorf("a space at the edge is unescaped: %q", got)
	}
}

// TestCacheIsSafe parses from many goroutines what falls into the cache, more
// than it holds, from buffers that are written to again at once.
func TestCacheIsSafe(t *testing.T) {
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			var buf []byte
			for i := range 20000 {
				n := (i*7 + g) % 50000
				buf = fmt.Appendf(buf[:0], "User%d@Example.com/ü%d", n, n)
				j, err := jid.ParseBytes(buf)
				clear(buf)
				if want := fmt.Sprintf("user%d@example.com/ü%d", n, n); err != nil || j.String() != want {
					t.Errorf("got %q, %v, want %q", j, err, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a@b/c", "A@B.", "fußball@xn--fuball-cta/♚", "[::1]", "1.2.3.4/x", "ａ@b。c", "Σς@x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		j, err := jid.Parse(s)
		if err != nil {
			if !j.IsZero() {
				t.Fatalf("%q: an address and an error", s)
			}
			return
		}
		again, err := jid.Parse(j.String())
		if err != nil || again != j {
			t.Fatalf("%q -> %q -> %q, %v", s, j, again, err)
		}
		built, err := jid.New(j.Local(), j.Domain(), j.Resource())
		if err != nil || built != j {
			t.Fatalf("%q: parts give %q, %v", s, built, err)
		}
		if l, d, r := len(j.Local()), len(j.Domain()), len(j.Resource()); l > 1023 || d > 1023 || r > 1023 || d == 0 {
			t.Fatalf("%q: lengths %d %d %d", s, l, d, r)
		}
	})
}

func FuzzEscape(f *testing.F) {
	f.Add(`c:\5commas`)
	f.Fuzz(func(t *testing.T, s string) {
		if strings.HasPrefix(s, " ") || strings.HasSuffix(s, " ") {
			return // the XEP forbids it
		}
		if got := jid.Unescape(jid.Escape(s)); got != s {
			t.Fatalf("%q -> %q -> %q", s, jid.Escape(s), got)
		}
	})
}
