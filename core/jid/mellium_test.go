// SPDX-License-Identifier: Apache-2.0

package jid

import (
	"math/rand/v2"
	"strings"
	"testing"

	mellium "mellium.im/xmpp/jid"
)

// randomAddress returns an address that has a fair chance to be valid.
func randomAddress(r *rand.Rand) string {
	const ascii = "abcxyzABZ019-._~!#$%*+=?^{|}\\ \"&':<>@/;,()[]`xn--"
	wide := []rune("äÄßςΣéeàñ中文ｱａＡ♚\u0301\u00ad\u200d\u00a0\u2163\ufb01\u05d0\u0627\u0660。．\U0001F389\uff0f\uff20\u212a\u1e9e")
	part := func(n int, plain string) string {
		var b strings.Builder
		for range r.IntN(n) {
			switch k := r.IntN(40); {
			case k == 0:
				b.WriteRune(wide[r.IntN(len(wide))])
			case k < 4:
				b.WriteByte(ascii[r.IntN(len(ascii))])
			default:
				b.WriteByte(plain[r.IntN(len(plain))])
			}
		}
		return b.String()
	}
	var b strings.Builder
	if r.IntN(4) > 0 {
		b.WriteString(part(12, "abcdefgh0123._-"))
		b.WriteByte('@')
	}
	switch r.IntN(20) {
	case 0:
		b.WriteString([]string{"[::1]", "[2001:db8::1]", "192.0.2.1", "1.2.3", "[::A]", "xn--fuball-cta.x", "xn--a"}[r.IntN(7)])
	case 1:
		b.WriteString(strings.Repeat("a", 55+r.IntN(15)) + ".b")
	default:
		b.WriteString(part(16, "abcdefg.h01.-"))
	}
	if r.IntN(2) == 0 {
		b.WriteByte('/')
		b.WriteString(part(12, "abcXYZ 01/@<"))
	}
	return b.String()
}

// TestLikeMellium compares with mellium on random addresses: the ASCII path
// must never give another answer, and the whole may only be stricter, or
// settle what mellium leaves in an unstable form; it refuses empty labels.
func TestLikeMellium(t *testing.T) {
	r := rand.New(rand.NewPCG(7622, 1))
	var accepted, stricter, settled int
	for range 400_000 {
		s := randomAddress(r)
		got, err := parse(s)
		want, wantErr := mellium.Parse(s)
		switch {
		case err != nil && wantErr != nil:
		case wantErr != nil:
			t.Fatalf("Parse(%q) = %q, mellium refuses it: %v", s, got, wantErr)
		case err != nil:
			if strings.Contains("."+want.Domainpart()+".", "..") {
				continue
			}
			stricter++
			if again, err := mellium.Parse(want.String()); err == nil && again.Equal(want) {
				t.Fatalf("Parse(%q): %v, mellium gives the stable %q", s, err, want)
			}
		case got.s != want.String():
			settled++
			if again, err := mellium.Parse(want.String()); err == nil && again.Equal(want) && !strings.Contains(s, "[") {
				t.Fatalf("Parse(%q) = %q, mellium gives the stable %q", s, got, want)
			}
		default:
			accepted++
			if got.Local() != want.Localpart() || got.Domain() != want.Domainpart() || got.Resource() != want.Resourcepart() {
				t.Fatalf("Parse(%q) has other parts than mellium", s)
			}
		}
	}
	t.Logf("accepted %d, stricter %d, settled %d", accepted, stricter, settled)
	if accepted < 100_000 || stricter > 100 || settled > 5000 {
		t.Errorf("accepted %d, stricter %d, settled %d: the test lost its sense", accepted, stricter, settled)
	}
}

// TestPlainLikeMellium compares each of the ASCII checks on its own.
func TestPlainLikeMellium(t *testing.T) {
	r := rand.New(rand.NewPCG(7622, 2))
	var plain [3]int
	for range 300_000 {
		b := make([]byte, 1+r.IntN(9))
		for i := range b {
			b[i] = byte(r.IntN(128))
			if r.IntN(3) > 0 {
				b[i] = "abcxn01-.~ _"[r.IntN(12)]
			}
		}
		s := string(b)
		if plainLocal(s) {
			plain[0]++
			if j, err := mellium.New(s, "x", ""); err != nil || j.Localpart() != s {
				t.Fatalf("localpart %q: mellium gives %q, %v", s, j.Localpart(), err)
			}
		}
		if plainDomain(s) {
			plain[1]++
			if j, err := mellium.New("", s, ""); err != nil || j.Domainpart() != s {
				t.Fatalf("domainpart %q: mellium gives %q, %v", s, j.Domainpart(), err)
			}
		}
		if plainResource(s) {
			plain[2]++
			if j, err := mellium.New("", "x", s); err != nil || j.Resourcepart() != s {
				t.Fatalf("resourcepart %q: mellium gives %q, %v", s, j.Resourcepart(), err)
			}
		}
	}
	for i, n := range plain {
		if n < 20_000 {
			t.Errorf("check %d accepted only %d", i, n)
		}
	}
}
