// SPDX-License-Identifier: Apache-2.0

package scram

import (
	"context"
	"testing"

	"tercet/core/auth"
)

// remembered is a provider that computes nothing.
type remembered struct {
	accounts
	keys auth.ScramKeys
}

// Keys implements auth.Provider.
func (r *remembered) Keys(context.Context, string, string) (auth.ScramKeys, bool, error) {
	return r.keys, true, nil
}

// One login from stored keys: both of the client's messages and our answers.
func BenchmarkExchange(b *testing.B) {
	for i := range variants {
		for _, plus := range []bool{false, true} {
			v := &variants[i]
			b.Run(v.name(plus), func(b *testing.B) {
				k, _, err := (&accounts{}).Keys(b.Context(), "romeo", v.hash)
				if err != nil {
					b.Fatal(err)
				}
				header, data := "n,,", ""
				if plus {
					header, data = "p=tls-exporter,,", string(bindings["tls-exporter"])
				}
				p, ch := &remembered{keys: k}, channel(nil, "tls-exporter")
				m := v.mechanism(plus, &policy{nonce: func() string { return "0123456789" }})
				const bare = "n=romeo,r=fyko+d2lbbFgONRv9qkxdawL"
				x := m.Start(p, ch)
				reply, _, err := x.Next(b.Context(), []byte(header+bare))
				if err != nil {
					b.Fatal(err)
				}
				last := []byte(final(v, k, passwords["romeo"], bare, string(reply), "c="+b64(header+data)+",r=fyko+d2lbbFgONRv9qkxdawL0123456789"))
				m = v.mechanism(plus, &policy{nonce: func() string { _ = newNonce(); return "0123456789" }})
				b.ReportAllocs()
				for b.Loop() {
					x := m.Start(p, ch)
					if _, _, err := x.Next(b.Context(), []byte(header+bare)); err != nil {
						b.Fatal(err)
					}
					if _, done, err := x.Next(b.Context(), last); !done || err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
