// SPDX-License-Identifier: Apache-2.0

package lua51

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// spec is one conversion of string.format: %[flags][width][.precision]verb.
type spec struct {
	minus, plus, space, alt, zero bool
	width, precision              int // -1: not given
	verb                          byte
}

// parseSpec reads what follows a %; ok is false for what C would not take.
func parseSpec(s string) (sp spec, size int, ok bool) {
	i := 0
	for ; i < len(s) && strings.IndexByte("-+ #0", s[i]) >= 0; i++ {
		switch s[i] {
		case '-':
			sp.minus = true
		case '+':
			sp.plus = true
		case ' ':
			sp.space = true
		case '#':
			sp.alt = true
		case '0':
			sp.zero = true
		}
	}
	digits := func() (n int, ok bool) {
		n = -1
		for j := i; i < len(s) && isDigit(s[i]); i++ {
			if i-j == 2 {
				return 0, false // as Lua: at most two digits
			}
			n = max(n, 0)*10 + int(s[i]-'0')
		}
		return n, true
	}
	sp.precision = -1
	if sp.width, ok = digits(); !ok {
		return sp, 0, false
	}
	if i < len(s) && s[i] == '.' {
		i++
		if sp.precision, ok = digits(); !ok {
			return sp, 0, false
		}
		sp.precision = max(sp.precision, 0)
	}
	if i == len(s) {
		return sp, 0, false
	}
	sp.verb = s[i]
	return sp, i + 1, true
}

func (b *Library) strFormat(l *lua.LState) int {
	format := Arg(l, 1)
	var out []byte
	n := 1
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			out = append(out, format[i])
			continue
		}
		if i+1 < len(format) && format[i+1] == '%' {
			out = append(out, '%')
			i++
			continue
		}
		sp, size, ok := parseSpec(format[i+1:])
		if !ok {
			l.RaiseError("invalid format (width or precision too long, or nothing after '%%')")
		}
		i += size
		n++
		if n > l.GetTop() {
			l.ArgError(n, "no value")
		}
		start := len(out)
		out = sp.append(l, out, n)
		b.meter.Alloc(l, 2*(len(out)-start))
	}
	b.meter.Alloc(l, 2*len(format))
	l.Push(lua.LString(out))
	return 1
}

func (sp spec) append(l *lua.LState, out []byte, n int) []byte {
	switch sp.verb {
	case 'c':
		return sp.pad(out, string([]byte{byte(int64(l.CheckNumber(n)))})) //nolint:gosec // C cuts it as well
	case 'd', 'i':
		return sp.integer(out, int64(l.CheckNumber(n)))
	case 'u':
		return sp.natural(out, strconv.FormatUint(unsigned(float64(l.CheckNumber(n))), 10), "")
	case 'o':
		return sp.natural(out, strconv.FormatUint(unsigned(float64(l.CheckNumber(n))), 8), "0")
	case 'x':
		return sp.natural(out, strconv.FormatUint(unsigned(float64(l.CheckNumber(n))), 16), "0x")
	case 'X':
		return sp.natural(out, strings.ToUpper(strconv.FormatUint(unsigned(float64(l.CheckNumber(n))), 16)), "0X")
	case 'e', 'E', 'f', 'F', 'g', 'G', 'a', 'A':
		return sp.float(out, float64(l.CheckNumber(n)))
	case 'q':
		return appendLuaQuoted(out, Arg(l, n))
	case 's':
		s := Text(l, l.CheckAny(n))
		if sp.precision >= 0 && sp.precision < len(s) {
			s = s[:sp.precision]
		}
		return sp.pad(out, s)
	}
	l.RaiseError("invalid conversion '%%%c' to 'format'", sp.verb)
	return nil
}

// unsigned is C's conversion of a double to an unsigned integer.
func unsigned(f float64) uint64 {
	if f < 0 {
		return uint64(int64(f)) //nolint:gosec // the conversion of C
	}
	return uint64(f)
}

func (sp spec) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case sp.plus:
		return "+"
	case sp.space:
		return " "
	}
	return ""
}

func (sp spec) integer(out []byte, v int64) []byte {
	digits := strings.TrimPrefix(strconv.FormatInt(v, 10), "-")
	return sp.number(out, sp.sign(v < 0), digits)
}

func (sp spec) natural(out []byte, digits, prefix string) []byte {
	if !sp.alt || digits == "0" {
		prefix = ""
	}
	return sp.number(out, prefix, digits)
}

func (sp spec) number(out []byte, sign, digits string) []byte {
	if sp.precision >= 0 {
		sp.zero = false
		if sp.precision == 0 && digits == "0" {
			digits = ""
		}
		digits = strings.Repeat("0", max(sp.precision-len(digits), 0)) + digits
	}
	return sp.signed(out, sign, digits)
}

func (sp spec) signed(out []byte, sign, digits string) []byte {
	if sp.zero && !sp.minus {
		digits = strings.Repeat("0", max(sp.width-len(sign)-len(digits), 0)) + digits
	}
	return sp.pad(out, sign+digits)
}

func (sp spec) float(out []byte, f float64) []byte {
	precision := sp.precision
	if precision < 0 {
		precision = 6
	}
	negative := math.Signbit(f) && !math.IsNaN(f)
	f = math.Abs(f)
	var digits string
	switch {
	case math.IsNaN(f):
		digits, sp.zero = "nan", false
	case math.IsInf(f, 0):
		digits, sp.zero = "inf", false
	case sp.verb == 'a' || sp.verb == 'A':
		digits = strconv.FormatFloat(f, 'x', sp.precision, 64)
		if n := len(digits); digits[n-2] == '0' { // C writes no leading zero in the exponent
			digits = digits[:n-2] + digits[n-1:]
		}
	default:
		digits = cFloat(sp.verb|0x20, f, precision, sp.alt)
	}
	if sp.verb < 'a' {
		digits = strings.ToUpper(digits)
	}
	return sp.signed(out, sp.sign(negative), digits)
}

// cFloat writes f as C's printf does.
func cFloat(verb byte, f float64, precision int, alt bool) string {
	flag := ""
	if alt {
		flag = "#"
	}
	return fmt.Sprintf("%"+flag+"."+strconv.Itoa(precision)+string(verb), f)
}

func (sp spec) pad(out []byte, s string) []byte {
	fill := strings.Repeat(" ", max(sp.width-len(s), 0))
	if sp.minus {
		return append(append(out, s...), fill...)
	}
	return append(append(out, fill...), s...)
}

// appendLuaQuoted writes s so that Lua reads it back (%q).
func appendLuaQuoted(out []byte, s string) []byte {
	out = append(out, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\', '\n':
			out = append(out, '\\', c)
		case '\r':
			out = append(out, `\r`...)
		case 0:
			out = append(out, `\000`...)
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}

// Text is tostring(v).
func Text(l *lua.LState, v lua.LValue) string {
	if n, ok := v.(lua.LNumber); ok {
		return FormatNumber(n)
	}
	return l.ToStringMeta(v).String()
}
