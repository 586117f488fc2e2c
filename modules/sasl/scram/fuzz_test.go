// SPDX-License-Identifier: Apache-2.0

package scram

import (
	"encoding/base64"
	"strings"
	"testing"

	"tercet/core/auth"
)

var (
	firstSeeds = []string{
		"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", "y,,n=user,r=abc", "p=tls-exporter,,n=user,r=abc",
		"n,a=user@example.org,n=user,r=abc,x=1", "n,a==2C,n=a=2C=3Db,r=abc", "n,,m=x,n=user,r=abc", "n,,", "",
	}
	finalSeeds = []string{
		"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
		"c=biws,r=abc,x=1,p=", "c=,r=abc,p=AAAA", "c=biws,r=abc,p=AA==,p=AA==", ",p=", "",
	}
	escaper = strings.NewReplacer("=", "=3D", ",", "=2C")
)

// Whatever is read of a client-first-message is what it says, byte by byte.
func FuzzClientFirst(f *testing.F) {
	for _, s := range firstSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := parseClientFirst([]byte(s))
		if err != nil {
			if condition(err) != auth.MalformedRequest {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		header := string(m.flag)
		if m.flag == 'p' {
			header += "=" + m.binding
		}
		header += ","
		if m.authzid != "" {
			header += "a=" + escaper.Replace(m.authzid)
		}
		if header+"," != m.header || m.header+m.bare != s {
			t.Fatalf("%q has header %q and bare message %q, made again %q", s, m.header, m.bare, header)
		}
		want := "n=" + escaper.Replace(m.user) + ",r=" + m.nonce
		if rest, ok := strings.CutPrefix(m.bare, want); !ok || (rest != "" && rest[0] != ',') || m.user == "" || m.nonce == "" {
			t.Fatalf("%q: read as %q", s, want)
		}
	})
}

func FuzzClientFinal(f *testing.F) {
	for _, s := range finalSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := parseClientFinal([]byte(s))
		if err != nil {
			if condition(err) != auth.MalformedRequest {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		if again := m.withoutProof + ",p=" + base64.StdEncoding.EncodeToString(m.proof); again != s {
			t.Fatalf("%q: made again %q", s, again)
		}
		begin := "c=" + base64.StdEncoding.EncodeToString(m.binding) + ",r=" + m.nonce
		if rest, ok := strings.CutPrefix(m.withoutProof, begin); !ok || (rest != "" && rest[0] != ',') {
			t.Fatalf("%q: read as %q", s, begin)
		}
	})
}

// Nobody gets in without the password.
func FuzzExchange(f *testing.F) {
	for i, s := range firstSeeds {
		f.Add(s, finalSeeds[i%len(finalSeeds)], i%2 == 0)
	}
	v := variantOf(f, "SHA-256")
	m := [2]auth.Mechanism{v.mechanism(false, &policy{nonce: func() string { return "s" }}), v.mechanism(true, &policy{nonce: func() string { return "s" }})}
	p := &remembered{keys: auth.ScramKeys{Salt: []byte("salt"), Iterations: 4096, StoredKey: make([]byte, 32), ServerKey: make([]byte, 32)}}
	f.Fuzz(func(t *testing.T, first, final string, plus bool) {
		i := 0
		if plus {
			i = 1
		}
		x := m[i].Start(p, channel(nil, "tls-exporter"))
		out, done, err := x.Next(t.Context(), []byte(first))
		if done || (err == nil) != (len(out) > 0) {
			t.Fatalf("%q: %q, %v, %v", first, out, done, err)
		}
		out, done, err = x.Next(t.Context(), []byte(final))
		if done || err == nil || out != nil {
			t.Fatalf("%q, %q: %q, %v, %v", first, final, out, done, err)
		}
	})
}
