// SPDX-License-Identifier: Apache-2.0

package lua51

import (
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// String is the string library as far as gopher-lua's strays from Lua 5.1's, has
// no limit on what it makes, or looks at no clock.
func (b *Library) String() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"byte":    b.strByte,
		"char":    b.strChar,
		"find":    b.strFind,
		"format":  b.strFormat,
		"gmatch":  b.strGmatch,
		"gfind":   b.strGmatch,
		"gsub":    b.strGsub,
		"lower":   func(l *lua.LState) int { return b.mapBytes(l, 'A', 'Z', 0x20) },
		"match":   b.strMatch,
		"rep":     b.strRep,
		"reverse": b.strReverse,
		"upper":   func(l *lua.LState) int { return b.mapBytes(l, 'a', 'z', 0x20) },
		"dump": func(l *lua.LState) int {
			l.RaiseError("string.dump is not available: bytecode is not taken either")
			return 0
		},
	}
}

// Arg returns string argument n; numbers are strings too. What is neither raises
// an error.
func Arg(l *lua.LState, n int) string {
	switch v := l.Get(n).(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return FormatNumber(v)
	}
	return l.CheckString(n) // raises the error
}

// Args returns the arguments from number n on.
func Args(l *lua.LState, n int) []lua.LValue {
	count := l.GetTop() - n + 1
	if count <= 0 {
		return nil
	}
	values := make([]lua.LValue, count)
	for i := range values {
		values[i] = l.Get(n + i)
	}
	return values
}

// OptArg is [Arg], or what is said if the argument is nil.
func OptArg(l *lua.LState, n int, otherwise string) string {
	if l.Get(n) == lua.LNil {
		return otherwise
	}
	return Arg(l, n)
}

// Integer returns number argument n cut to an int, or what is said if it is nil.
func Integer(l *lua.LState, n, otherwise int) int {
	if l.Get(n) == lua.LNil && n > 0 {
		return otherwise
	}
	f := float64(l.CheckNumber(n))
	switch {
	case math.IsNaN(f):
		return 0
	case f > math.MaxInt32:
		return math.MaxInt32
	case f < math.MinInt32:
		return math.MinInt32
	}
	return int(f)
}

// offset turns the argument init of find and match into an offset in s.
func offset(s string, init int) int {
	switch {
	case init > 0:
		init--
	case init < 0:
		init = max(len(s)+init, 0)
	}
	return init
}

func (b *Library) strByte(l *lua.LState) int {
	s := Arg(l, 1)
	from := Integer(l, 2, 1)
	to := Integer(l, 3, from)
	if from < 0 {
		from += len(s) + 1
	}
	if to < 0 {
		to += len(s) + 1
	}
	from, to = max(from, 1), min(to, len(s))
	if to-from >= MaxUnpack {
		l.RaiseError("string slice too long")
	}
	for i := from; i <= to; i++ {
		l.Push(lua.LNumber(s[i-1]))
	}
	return max(to-from+1, 0)
}

func (b *Library) strChar(l *lua.LState) int {
	out := make([]byte, l.GetTop())
	for i := range out {
		n := Integer(l, i+1, -1)
		if n < 0 || n > 255 {
			l.ArgError(i+1, "invalid value")
		}
		out[i] = byte(n) //nolint:gosec // checked above
	}
	l.Push(lua.LString(out))
	return 1
}

func (b *Library) matcher(l *lua.LState, src, pat string) (m *matcher, anchored bool) {
	if strings.HasPrefix(pat, "^") {
		anchored, pat = true, pat[1:]
	}
	m = b.spare
	if b.spare = nil; m == nil {
		m = &matcher{meter: b.meter}
	}
	m.src, m.pat, m.state = src, pat, l
	return m, anchored
}

// done keeps a matcher for the next match. One that an error ended is left to
// the collector, as is one whose match calls back and finds the spare in use.
func (b *Library) done(m *matcher) {
	m.src, m.pat, m.state = "", "", nil
	b.spare = m
}

func (b *Library) strFind(l *lua.LState) int {
	s, pat := Arg(l, 1), Arg(l, 2)
	start := offset(s, Integer(l, 3, 1))
	if start > len(s) {
		l.Push(lua.LNil)
		return 1
	}
	if lua.LVAsBool(l.Get(4)) || !strings.ContainsAny(pat, "^$*+?.([%-") {
		b.meter.Step(l, len(s)>>6)
		i := strings.Index(s[start:], pat)
		if i < 0 {
			l.Push(lua.LNil)
			return 1
		}
		l.Push(lua.LNumber(start + i + 1))
		l.Push(lua.LNumber(start + i + len(pat)))
		return 2
	}
	m, anchored := b.matcher(l, s, pat)
	defer b.done(m)
	from, to := m.mustFind(l, start, anchored)
	if from < 0 {
		l.Push(lua.LNil)
		return 1
	}
	l.Push(lua.LNumber(from + 1))
	l.Push(lua.LNumber(to))
	return 2 + m.pushCaptures(l, from, to, false)
}

func (b *Library) strMatch(l *lua.LState) int {
	s, pat := Arg(l, 1), Arg(l, 2)
	start := offset(s, Integer(l, 3, 1))
	if start <= len(s) {
		m, anchored := b.matcher(l, s, pat)
		defer b.done(m)
		if from, to := m.mustFind(l, start, anchored); from >= 0 {
			return m.pushCaptures(l, from, to, true)
		}
	}
	l.Push(lua.LNil)
	return 1
}

func (b *Library) strGmatch(l *lua.LState) int {
	s, pat := Arg(l, 1), Arg(l, 2)
	at := 0
	l.Push(l.NewFunction(func(l *lua.LState) int {
		m, _ := b.matcher(l, s, "")
		m.pat = pat // a ^ is no anchor here
		defer b.done(m)
		if at <= len(s) {
			if from, to := m.mustFind(l, at, false); from >= 0 {
				if at = to; from == to {
					at++
				}
				return m.pushCaptures(l, from, to, true)
			}
		}
		at = len(s) + 1
		l.Push(lua.LNil)
		return 1
	}))
	return 1
}

func (m *matcher) mustFind(l *lua.LState, start int, anchored bool) (from, to int) {
	from, to, err := m.find(start, anchored)
	if err != nil {
		l.RaiseError("%s", err.Error())
	}
	return from, to
}

// pushCaptures pushes the captures; the whole match if there are none and it is
// asked for.
func (m *matcher) pushCaptures(l *lua.LState, from, to int, whole bool) int {
	if m.level == 0 && whole {
		l.Push(lua.LString(m.src[from:to]))
		return 1
	}
	for i := range m.level {
		l.Push(m.value(i))
	}
	return m.level
}

func (m *matcher) value(i int) lua.LValue {
	if m.captures[i].length == capturePosition {
		return lua.LNumber(m.captures[i].start + 1)
	}
	return lua.LString(m.capture(i))
}

func (b *Library) strGsub(l *lua.LState) int {
	s, pat := Arg(l, 1), Arg(l, 2)
	repl := l.Get(3)
	switch r := repl.(type) {
	case lua.LNumber:
		repl = lua.LString(FormatNumber(r))
	case lua.LString, *lua.LTable, *lua.LFunction:
	default:
		l.ArgError(3, "string, function or table expected")
	}
	most := Integer(l, 4, math.MaxInt32)
	m, anchored := b.matcher(l, s, pat)
	defer b.done(m)
	var out []byte
	at, count := 0, 0
	for count < most && at <= len(s) {
		from, to := m.mustFind(l, at, true)
		if from >= 0 {
			count++
			start := len(out)
			out = m.appendReplacement(l, out, repl, from, to)
			b.meter.Alloc(l, 3*(len(out)-start))
		}
		if from >= 0 && to > at {
			at = to
		} else {
			if at < len(s) {
				out = append(out, s[at])
			}
			at++
		}
		if anchored {
			break
		}
	}
	b.meter.Alloc(l, 2*len(s))
	if at < len(s) {
		out = append(out, s[at:]...)
	}
	l.Push(lua.LString(out))
	l.Push(lua.LNumber(count))
	return 2
}

func (m *matcher) appendReplacement(l *lua.LState, out []byte, repl lua.LValue, from, to int) []byte {
	var v lua.LValue
	switch r := repl.(type) {
	case lua.LString:
		return m.appendTemplate(l, out, string(r), from, to)
	case *lua.LTable:
		key := lua.LValue(lua.LString(m.src[from:to]))
		if m.level > 0 {
			key = m.value(0)
		}
		v = l.GetTable(r, key)
	case *lua.LFunction:
		// The function may call gsub with this very pattern, but not this matcher.
		l.Push(r)
		l.Call(m.pushCaptures(l, from, to, true), 1)
		v = l.Get(-1)
		l.Pop(1)
	}
	switch v := v.(type) {
	case lua.LString:
		return append(out, v...)
	case lua.LNumber:
		return append(out, FormatNumber(v)...)
	}
	if lua.LVAsBool(v) {
		l.RaiseError("invalid replacement value (a %s)", v.Type().String())
	}
	return append(out, m.src[from:to]...)
}

func (m *matcher) appendTemplate(l *lua.LState, out []byte, repl string, from, to int) []byte {
	for i := 0; i < len(repl); i++ {
		if repl[i] != '%' {
			out = append(out, repl[i])
			continue
		}
		i++
		switch {
		case i == len(repl):
			l.RaiseError("invalid use of '%%' in replacement string")
		case !isDigit(repl[i]):
			out = append(out, repl[i])
		case repl[i] == '0', repl[i] == '1' && m.level == 0:
			out = append(out, m.src[from:to]...)
		default:
			n := int(repl[i] - '1')
			if n >= m.level {
				l.RaiseError("invalid capture index")
			}
			out = append(out, lua.LVAsString(m.value(n))...)
		}
	}
	return out
}

func (b *Library) strRep(l *lua.LState) int {
	s, n, sep := Arg(l, 1), Integer(l, 2, 0), OptArg(l, 3, "")
	if n <= 0 {
		l.Push(lua.LString(""))
		return 1
	}
	total := (int64(len(s))+int64(len(sep)))*int64(n) - int64(len(sep))
	b.meter.Alloc(l, int(total))
	if sep == "" {
		l.Push(lua.LString(strings.Repeat(s, n)))
		return 1
	}
	l.Push(lua.LString(strings.Repeat(s+sep, n-1) + s))
	return 1
}

func (b *Library) strReverse(l *lua.LState) int {
	s := Arg(l, 1)
	b.meter.Alloc(l, 2*len(s))
	out := make([]byte, len(s))
	for i := range len(s) {
		out[len(s)-1-i] = s[i]
	}
	l.Push(lua.LString(out))
	return 1
}

// mapBytes turns over the case of the letters from low to high, and of nothing
// that is not ASCII.
func (b *Library) mapBytes(l *lua.LState, low, high, bit byte) int {
	s := Arg(l, 1)
	change := strings.IndexFunc(s, func(c rune) bool { return c >= rune(low) && c <= rune(high) }) >= 0
	if !change {
		l.Push(lua.LString(s))
		return 1
	}
	b.meter.Alloc(l, 2*len(s))
	out := []byte(s)
	for i, c := range out {
		if c >= low && c <= high {
			out[i] = c ^ bit
		}
	}
	l.Push(lua.LString(out))
	return 1
}

// Concat is what a .. b .. c is compiled to; see [Rewriter].
func (b *Library) Concat(l *lua.LState) int {
	n := l.GetTop()
	result := l.Get(n)
	for i := n - 1; i >= 1; {
		// A run of strings and numbers is joined at once, from the right as Lua does.
		from := i + 1
		if IsText(result) {
			for from > 1 && IsText(l.Get(from-1)) {
				from--
			}
		}
		if from <= i {
			parts := make([]string, 0, i-from+2)
			total := 0
			for j := from; j <= i; j++ {
				parts = append(parts, ToText(l.Get(j)))
				total += len(parts[len(parts)-1])
			}
			parts = append(parts, ToText(result))
			b.meter.Alloc(l, total+len(parts[len(parts)-1]))
			result, i = lua.LString(strings.Join(parts, "")), from-1
			continue
		}
		left := l.Get(i)
		op, ok := l.GetMetaField(left, "__concat").(*lua.LFunction)
		if !ok {
			op, ok = l.GetMetaField(result, "__concat").(*lua.LFunction)
		}
		if !ok {
			bad := left
			if IsText(left) {
				bad = result
			}
			l.RaiseError("attempt to concatenate a %s value", bad.Type().String())
		}
		l.Push(op)
		l.Push(left)
		l.Push(result)
		l.Call(2, 1)
		result = l.Get(-1)
		l.Pop(1)
		i--
	}
	l.Push(result)
	return 1
}

// IsText reports whether v is a string or a number, which is as good as one.
func IsText(v lua.LValue) bool {
	return v.Type() == lua.LTString || v.Type() == lua.LTNumber
}

// ToText returns a string, or a number as a string; "" for what is neither.
func ToText(v lua.LValue) string {
	if n, ok := v.(lua.LNumber); ok {
		return FormatNumber(n)
	}
	return lua.LVAsString(v)
}

// FormatNumber writes a number as Lua 5.1 does, but whole numbers in full as
// 5.3 does: ids and times must not become 1e+15.
func FormatNumber(n lua.LNumber) string {
	f := float64(n)
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case f == math.Trunc(f) && math.Abs(f) < 1e17:
		return strconv.FormatInt(int64(f), 10)
	}
	return cFloat('g', f, 14, false)
}
