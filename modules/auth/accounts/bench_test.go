// SPDX-License-Identifier: Apache-2.0

package accounts

import "testing"

// What a login by PLAIN costs: with the password of the last time, and with
// one that has to be hashed (10,000 iterations).
func BenchmarkCheck(b *testing.B) {
	p := opened(b, newStore(), policy{hashes: all, iterations: 10_000})
	if err := p.Create(b.Context(), "romeo", "soft, what light"); err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name, user, password string
		right                bool
	}{
		{"remembered", "romeo", "soft, what light", true},
		{"wrong", "romeo", "hard", false},
		{"unknown", "nobody", "hard", false},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if ok, err := p.Check(b.Context(), c.user, c.password); ok != c.right || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

func BenchmarkDerive(b *testing.B) {
	for i := range kinds {
		b.Run(kinds[i].name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := kinds[i].fresh(b.Context(), "soft, what light", 10_000); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkKeys(b *testing.B) {
	p := opened(b, newStore(), few)
	if err := p.Create(b.Context(), "romeo", "x"); err != nil {
		b.Fatal(err)
	}
	for _, user := range []string{"romeo", "nobody"} {
		b.Run(user, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := p.Keys(b.Context(), user, "SHA-256"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
