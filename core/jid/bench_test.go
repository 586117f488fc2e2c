// SPDX-License-Identifier: Apache-2.0

package jid

import (
	"fmt"
	"testing"
)

func BenchmarkParseBytesCached(b *testing.B) {
	for _, s := range []string{"romeo@example.net/orchard", "Fußball@xn--fuball-cta.example/Zürich"} {
		b.Run(s, func(b *testing.B) {
			in := []byte(s)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseBytes(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParseMiss parses what is in no cache.
func BenchmarkParseMiss(b *testing.B) {
	for _, s := range []string{"romeo@example.net/orchard", "Fußball@xn--fuball-cta.example/Zürich"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parse(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParseMany parses a working set of 10,000 addresses.
func BenchmarkParseMany(b *testing.B) {
	in := make([][]byte, 10_000)
	for i := range in {
		in[i] = fmt.Appendf(nil, "user%d@example.net/resource%d", i, i)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := ParseBytes(in[i]); err != nil {
			b.Fatal(err)
		}
		if i++; i == len(in) {
			i = 0
		}
	}
}

// BenchmarkParseNew parses addresses that are all new, and stores them.
func BenchmarkParseNew(b *testing.B) {
	in := []byte("user@example.net/resource00000000")
	b.ReportAllocs()
	for b.Loop() {
		for i := len(in) - 1; ; i-- { // the next number
			if in[i]++; in[i] <= '9' {
				break
			}
			in[i] = '0'
		}
		if _, err := ParseBytes(in); err != nil {
			b.Fatal(err)
		}
	}
}
