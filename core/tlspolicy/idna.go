// SPDX-License-Identifier: Apache-2.0

package tlspolicy

import (
	"strings"
	"unicode/utf8"
)

// ASCII writes a host name that has been prepared as URLs and the DNS have it.
func ASCII(host string) string { return toASCII(host) }

// toASCII writes a host name that has been prepared (lower-case, normalised) as
// certificates and SNI have it: labels beyond ASCII as Punycode (RFC 3492).
func toASCII(host string) string {
	if !utf8.ValidString(host) {
		return host
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for i := range len(host) {
		if host[i] >= utf8.RuneSelf {
			labels := strings.Split(host, ".")
			for i, l := range labels {
				labels[i] = punycode(l)
			}
			return strings.Join(labels, ".")
		}
	}
	return host
}

// Parameters of RFC 3492 section 5.
const (
	punyBase, punyTMin, punyTMax      = 36, 1, 26
	punySkew, punyDamp                = 38, 700
	punyInitialBias, punyInitialN int = 72, 128
)

// punycode encodes one label; one that is ASCII or too long stays.
func punycode(label string) string {
	runes := []rune(label)
	out := []byte("xn--")
	for _, r := range runes {
		if r < utf8.RuneSelf {
			out = append(out, byte(r))
		}
	}
	basic := len(out) - len("xn--")
	if basic == len(runes) || len(runes) > 63 {
		return label
	}
	if basic > 0 {
		out = append(out, '-')
	}
	n, delta, bias := punyInitialN, 0, punyInitialBias
	for handled := basic; handled < len(runes); {
		next := rune(utf8.MaxRune)
		for _, r := range runes {
			if int(r) >= n {
				next = min(next, r)
			}
		}
		delta += (int(next) - n) * (handled + 1)
		n = int(next)
		for _, r := range runes {
			if int(r) < n {
				delta++
			}
			if int(r) == n {
				out = appendPunyNumber(out, delta, bias)
				bias = punyAdapt(delta, handled+1, handled == basic)
				delta = 0
				handled++
			}
		}
		delta++
		n++
	}
	return string(out)
}

// appendPunyNumber writes a generalized variable-length integer.
func appendPunyNumber(out []byte, q, bias int) []byte {
	const digits = "abcdefghijklmnopqrstuvwxyz0123456789"
	for k := punyBase; ; k += punyBase {
		t := min(max(k-bias, punyTMin), punyTMax)
		if q < t {
			return append(out, digits[q])
		}
		out = append(out, digits[t+(q-t)%(punyBase-t)])
		q = (q - t) / (punyBase - t)
	}
}

func punyAdapt(delta, points int, first bool) int {
	if first {
		delta /= punyDamp
	} else {
		delta /= 2
	}
	delta += delta / points
	k := 0
	for delta > (punyBase-punyTMin)*punyTMax/2 {
		delta /= punyBase - punyTMin
		k += punyBase
	}
	return k + (punyBase-punyTMin+1)*delta/(delta+punySkew)
}
