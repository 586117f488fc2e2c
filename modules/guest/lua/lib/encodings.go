// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/auth"
	"tercet/core/jid"
)

// textLibraries is the libraries about text.
func textLibraries() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"util.jid":       library(jidFunctions()),
		"util.encodings": openEncodings,
		"util.datetime":  library(datetimeFunctions()),
		"util.json":      openJSON,
		"socket.url":     openURL,
	}
}

func openEncodings(l *lua.LState) int {
	t := l.NewTable()
	for name, funcs := range map[string]map[string]lua.LGFunction{
		"base64": {
			"encode": func(l *lua.LState) int {
				return one(l, lua.LString(base64.StdEncoding.EncodeToString([]byte(l.CheckString(1)))))
			},
			"decode": base64Decode,
		},
		"stringprep": {
			"nodeprep":     prepared(jid.PrepLocal),
			"nameprep":     prepared(jid.PrepDomain),
			"resourceprep": prepared(jid.PrepResource),
			"saslprep":     prepared(auth.PrepPassword),
		},
		"idna": {
			"to_ascii":   prepared(toASCII),
			"to_unicode": prepared(jid.PrepDomain),
		},
		"utf8": {
			"valid":  func(l *lua.LState) int { return one(l, lua.LBool(utf8.ValidString(l.CheckString(1)))) },
			"length": utf8Length,
		},
		"confusable": {"skeleton": confusableSkeleton},
	} {
		t.RawSetString(name, tableOf(l, funcs))
	}
	t.RawSetString("version", lua.LString("tercet"))
	return one(l, t)
}

// prepared returns a function that gives the form that prep makes, or nil. An
// empty string stays as it is.
func prepared(prep func(string) (string, error)) lua.LGFunction {
	return func(l *lua.LState) int {
		s := l.CheckString(1)
		if s == "" {
			return one(l, lua.LString(""))
		}
		out, err := prep(s)
		if err != nil {
			return one(l, lua.LNil)
		}
		return one(l, lua.LString(out))
	}
}

func utf8Length(l *lua.LState) int {
	s := l.CheckString(1)
	if !utf8.ValidString(s) {
		return failed(l, "invalid utf8")
	}
	return one(l, lua.LNumber(utf8.RuneCountInString(s)))
}

func base64Decode(l *lua.LState) int {
	out, ok := decodeBase64(l.CheckString(1))
	if !ok {
		return one(l, lua.LNil)
	}
	return one(l, lua.LString(out))
}

// decodeBase64 decodes as Prosody does: white space is left out, several
// padded pieces may follow each other, and what is not complete is dropped.
func decodeBase64(s string) ([]byte, bool) {
	out := make([]byte, 0, len(s)*3/4)
	bits, n := 0, 0
	for i := range len(s) {
		v := base64Value(s[i])
		switch {
		case v >= 0:
			if bits, n = bits<<6|v, n+1; n == 4 {
				out = append(out, byte(bits>>16), byte(bits>>8), byte(bits)) //nolint:gosec // cuts to the byte that is meant
				bits, n = 0, 0
			}
		case s[i] == '=':
			switch n {
			case 2:
				out = append(out, byte(bits>>4))
			case 3:
				out = append(out, byte(bits>>10), byte(bits>>2))
			}
			bits, n = 0, 0
		case strings.IndexByte(" \t\r\n", s[i]) < 0:
			return nil, false
		}
	}
	return out, true
}

func base64Value(c byte) int {
	switch {
	case c >= 'A' && c <= 'Z':
		return int(c - 'A')
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 26
	case c >= '0' && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}

// toASCII returns a domain name as DNS has it: labels beyond ASCII as A-labels
// (RFC 5890).
func toASCII(s string) (string, error) {
	s, err := jid.PrepDomain(s)
	if err != nil {
		return "", err
	}
	labels := strings.Split(s, ".")
	for i, label := range labels {
		if label == "" || strings.HasPrefix(label, "-") || strings.Contains(label, "_") {
			return "", jid.ErrInvalid
		}
		if strings.IndexFunc(label, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
			labels[i] = "xn--" + punycode(label)
		}
		if len(labels[i]) > 63 {
			return "", jid.ErrInvalid
		}
	}
	return strings.Join(labels, "."), nil
}

// punycode encodes a label (RFC 3492 section 6.3).
func punycode(label string) string {
	const base, tMin, tMax, initialBias, initialN = 36, 1, 26, 72, 128
	var out []byte
	runes := []rune(label)
	for _, r := range runes {
		if r < initialN {
			out = append(out, byte(r))
		}
	}
	basic := len(out)
	if basic > 0 {
		out = append(out, '-')
	}
	n, delta, bias := rune(initialN), 0, initialBias
	for done := basic; done < len(runes); {
		next := rune(utf8.MaxRune)
		for _, r := range runes {
			if r >= n && r < next {
				next = r
			}
		}
		delta += int(next-n) * (done + 1)
		n = next
		for _, r := range runes {
			if r < n {
				delta++
			}
			if r != n {
				continue
			}
			q := delta
			for k := base; ; k += base {
				t := min(max(k-bias, tMin), tMax)
				if q < t {
					break
				}
				out = append(out, punycodeDigit(t+(q-t)%(base-t)))
				q = (q - t) / (base - t)
			}
			out = append(out, punycodeDigit(q))
			bias = punycodeBias(delta, done+1, done == basic)
			delta = 0
			done++
		}
		delta++
		n++
	}
	return string(out)
}

func punycodeDigit(v int) byte { return "abcdefghijklmnopqrstuvwxyz0123456789"[v] }

func punycodeBias(delta, points int, first bool) int {
	const base, tMin, tMax, skew, damp = 36, 1, 26, 38, 700
	if first {
		delta /= damp
	} else {
		delta /= 2
	}
	delta += delta / points
	k := 0
	for ; delta > (base-tMin)*tMax/2; k += base {
		delta /= base - tMin
	}
	return k + (base-tMin+1)*delta/(delta+skew)
}

// lookalikes are letters and digits that are drawn like those of ASCII: pairs
// of what is seen and what it stands for (Unicode Technical Standard 39,
// section 4; the letters of Cyrillic, Greek, Armenian and Latin alone).
var lookalikes = strings.NewReplacer(
	"0", "O", "1", "l", "I", "l", "|", "l", "m", "rn",
	"а", "a", "е", "e", "о", "o", "р", "p", "с", "c", "у", "y", "х", "x", "і", "i", "ј", "j", "ѕ", "s", "ԁ", "d", "һ", "h",
	"ԛ", "q", "ԝ", "w", "ӏ", "l", "А", "A", "В", "B", "Е", "E", "К", "K", "М", "M", "Н", "H", "О", "O", "Р", "P", "С", "C",
	"Т", "T", "У", "Y", "Х", "X", "І", "l", "Ј", "J", "Ѕ", "S", "З", "3", "Ӏ", "l", "Ԍ", "G", "ѵ", "v", "г", "r", "п", "n",
	"α", "a", "ο", "o", "ρ", "p", "ν", "v", "γ", "y", "ι", "i", "κ", "k", "υ", "u", "σ", "o", "Α", "A", "Β", "B", "Ε", "E",
	"Ζ", "Z", "Η", "H", "Ι", "l", "Κ", "K", "Μ", "M", "Ν", "N", "Ο", "O", "Ρ", "P", "Τ", "T", "Υ", "Y", "Χ", "X",
	"ı", "i", "ɑ", "a", "ɡ", "g", "ⅼ", "l", "ⅰ", "i", "ⅴ", "v", "ⅹ", "x", "օ", "o", "ս", "u", "ց", "g", "հ", "h", "ո", "n",
)

// confusableSkeleton gives names that look alike the same form.
func confusableSkeleton(l *lua.LState) int {
	s := l.CheckString(1)
	if !utf8.ValidString(s) {
		return one(l, lua.LNil)
	}
	return one(l, lua.LString(lookalikes.Replace(s)))
}
