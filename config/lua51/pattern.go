// SPDX-License-Identifier: Apache-2.0

package lua51

import (
	"errors"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Limits of Lua's patterns: captures, and how deep items may nest in matching.
const (
	maxCaptures = 32
	maxNesting  = 200
)

const (
	captureOpen     = -1
	capturePosition = -2
)

var (
	errPatternDepth   = errors.New("pattern too complex")
	errPatternCapture = errors.New("too many captures")
	errPatternEnd     = errors.New("malformed pattern (ends with '%')")
	errPatternClass   = errors.New("malformed pattern (missing ']')")
	errPatternBrace   = errors.New("malformed pattern (missing arguments to '%b')")
	errPatternSet     = errors.New("missing '[' after '%f' in pattern")
	errPatternIndex   = errors.New("invalid capture index")
	errPatternOpen    = errors.New("unfinished capture")
	errPatternClose   = errors.New("invalid pattern capture")
)

// matcher matches Lua's patterns (manual 5.1, 5.4.1, with %g and %f of 5.2). It
// is here because gopher-lua's own neither knows %f nor ever gives up: the meter
// is told how many characters were looked at and ends a match by an error.
type matcher struct {
	src, pat string
	meter    Meter
	state    *lua.LState
	looked   int // since the meter was last told
	depth    int
	level    int
	captures [maxCaptures]struct{ start, length int }
}

// patternError is a fault in a pattern on its way through the matcher.
type patternError struct{ error }

// tellAfter is how many characters are looked at before the meter is told.
const tellAfter = 256

func (m *matcher) step(n int) {
	if m.looked += n; m.looked >= tellAfter {
		n, m.looked = m.looked, 0
		m.meter.Step(m.state, n)
	}
}

func (m *matcher) fail(err error) { panic(patternError{err}) } //nolint:forbidigo // caught in find

// find looks for the pattern at start and, unless it is anchored, behind; it
// returns the ends of the match, or -1.
func (m *matcher) find(start int, anchored bool) (from, to int, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case patternError:
			err = r.error
		default:
			panic(r) //nolint:forbidigo // not ours
		}
	}()
	for from = start; from <= len(m.src); from++ {
		m.level, m.depth = 0, 0
		if to = m.match(from, 0); to >= 0 {
			for i := range m.level {
				if m.captures[i].length == captureOpen {
					return -1, -1, errPatternOpen
				}
			}
			return from, to, nil
		}
		if anchored {
			break
		}
	}
	return -1, -1, nil
}

// match matches the pattern from p against the text from s and returns the end
// of the match, or -1.
func (m *matcher) match(s, p int) int {
	if m.depth++; m.depth > maxNesting {
		m.fail(errPatternDepth)
	}
	end := m.matchItems(s, p)
	m.depth--
	return end
}

func (m *matcher) matchItems(s, p int) int {
	for p < len(m.pat) {
		m.step(1)
		switch m.pat[p] {
		case '(':
			if p+1 < len(m.pat) && m.pat[p+1] == ')' {
				return m.open(s, p+2, capturePosition)
			}
			return m.open(s, p+1, captureOpen)
		case ')':
			return m.close(s, p+1)
		case '$':
			if p+1 == len(m.pat) {
				if s == len(m.src) {
					return s
				}
				return -1
			}
		case '%':
			if end, next, special := m.escape(s, p); special {
				if next < 0 {
					return -1
				}
				s, p = next, end
				continue
			}
		}
		end := m.classEnd(p)
		switch suffix := m.at(end); {
		case suffix == '?':
			if m.single(s, p, end) {
				if r := m.match(s+1, end+1); r >= 0 {
					return r
				}
			}
			p = end + 1
		case suffix == '*':
			return m.longest(s, p, end)
		case suffix == '+':
			if !m.single(s, p, end) {
				return -1
			}
			return m.longest(s+1, p, end)
		case suffix == '-':
			return m.shortest(s, p, end)
		case m.single(s, p, end):
			s, p = s+1, end
		default:
			return -1
		}
	}
	return s
}

// escape matches what a % begins if it is no class: %b, %f, %1. It returns the
// end of the item in the pattern, and that of the match in the text or -1.
func (m *matcher) escape(s, p int) (end, next int, special bool) {
	if p+1 == len(m.pat) {
		m.fail(errPatternEnd)
	}
	switch c := m.pat[p+1]; {
	case c == 'b':
		return p + 4, m.balance(s, p+2), true
	case c == 'f':
		end, ok := m.frontier(s, p+2)
		if !ok {
			return end, -1, true
		}
		return end, s, true
	case isDigit(c):
		return p + 2, m.repeat(s, c), true
	}
	return p, s, false
}

// at returns the character of the pattern at p; behind its end one that means
// nothing.
func (m *matcher) at(p int) byte {
	if p < len(m.pat) {
		return m.pat[p]
	}
	return 0
}

func (m *matcher) longest(s, p, end int) int {
	n := 0
	for m.single(s+n, p, end) {
		m.step(1)
		n++
	}
	for ; n >= 0; n-- {
		if r := m.match(s+n, end+1); r >= 0 {
			return r
		}
	}
	return -1
}

func (m *matcher) shortest(s, p, end int) int {
	for {
		if r := m.match(s, end+1); r >= 0 {
			return r
		}
		if !m.single(s, p, end) {
			return -1
		}
		s++
	}
}

func (m *matcher) open(s, p, kind int) int {
	if m.level >= maxCaptures {
		m.fail(errPatternCapture)
	}
	m.captures[m.level].start, m.captures[m.level].length = s, kind
	m.level++
	r := m.match(s, p)
	if r < 0 {
		m.level--
	}
	return r
}

func (m *matcher) close(s, p int) int {
	i := m.level - 1
	for i >= 0 && m.captures[i].length != captureOpen {
		i--
	}
	if i < 0 {
		m.fail(errPatternClose)
	}
	m.captures[i].length = s - m.captures[i].start
	r := m.match(s, p)
	if r < 0 {
		m.captures[i].length = captureOpen
	}
	return r
}

// repeat matches the text of an earlier capture (%1).
func (m *matcher) repeat(s int, digit byte) int {
	i := int(digit) - '1'
	if i < 0 || i >= m.level || m.captures[i].length == captureOpen {
		m.fail(errPatternIndex)
	}
	text := m.capture(i)
	m.step(1 + len(text)/64)
	if len(m.src)-s < len(text) || m.src[s:s+len(text)] != text {
		return -1
	}
	return s + len(text)
}

// balance matches %bxy.
func (m *matcher) balance(s, p int) int {
	if p+1 >= len(m.pat) {
		m.fail(errPatternBrace)
	}
	if s >= len(m.src) || m.src[s] != m.pat[p] {
		return -1
	}
	open := 1
	for i := s + 1; i < len(m.src); i++ {
		m.step(1)
		switch m.src[i] {
		case m.pat[p+1]:
			if open--; open == 0 {
				return i + 1
			}
		case m.pat[p]:
			open++
		}
	}
	return -1
}

// frontier matches %f[set]: the place where the set begins to match.
func (m *matcher) frontier(s, p int) (end int, ok bool) {
	if m.at(p) != '[' {
		m.fail(errPatternSet)
	}
	end = m.classEnd(p)
	var before, here byte
	if s > 0 {
		before = m.src[s-1]
	}
	if s < len(m.src) {
		here = m.src[s]
	}
	return end, !m.inSet(before, p, end-1) && m.inSet(here, p, end-1)
}

// classEnd returns the end of the character class that starts at p.
func (m *matcher) classEnd(p int) int {
	c := m.pat[p]
	p++
	switch c {
	case '%':
		if p >= len(m.pat) {
			m.fail(errPatternEnd)
		}
		return p + 1
	case '[':
		defer func(start int) { m.step(1 + (p-start)/8) }(p)
		if m.at(p) == '^' {
			p++
		}
		for first := true; first || m.at(p) != ']'; first = false {
			if p >= len(m.pat) {
				m.fail(errPatternClass)
			}
			p++
			if m.pat[p-1] == '%' {
				p++
			}
		}
		if p >= len(m.pat) {
			m.fail(errPatternClass)
		}
		return p + 1
	}
	return p
}

// single reports whether the character at s is in the class from p to end.
func (m *matcher) single(s, p, end int) bool {
	if s >= len(m.src) {
		return false
	}
	c := m.src[s]
	switch m.pat[p] {
	case '.':
		return true
	case '%':
		return inClass(c, m.pat[p+1])
	case '[':
		return m.inSet(c, p, end-1)
	}
	return m.pat[p] == c
}

// inSet reports whether c is in the set whose brackets stand at p and end.
func (m *matcher) inSet(c byte, p, end int) bool {
	m.step(1 + (end-p)/8)
	found := true
	if m.pat[p+1] == '^' {
		found = false
		p++
	}
	for p++; p < end; p++ {
		switch {
		case m.pat[p] == '%':
			p++
			if inClass(c, m.pat[p]) {
				return found
			}
		case m.pat[p+1] == '-' && p+2 < end:
			if m.pat[p] <= c && c <= m.pat[p+2] {
				return found
			}
			p += 2
		case m.pat[p] == c:
			return found
		}
	}
	return !found
}

// capture returns the text of capture i; the whole match is not one of them.
func (m *matcher) capture(i int) string {
	c := m.captures[i]
	if c.length < 0 {
		return ""
	}
	return m.src[c.start : c.start+c.length]
}

func inClass(c, class byte) bool {
	var in bool
	switch class | 0x20 {
	case 'a':
		in = isLetter(c)
	case 'c':
		in = c < ' ' || c == 0x7f
	case 'd':
		in = isDigit(c)
	case 'g':
		in = c > ' ' && c < 0x7f
	case 'l':
		in = c >= 'a' && c <= 'z'
	case 'p':
		in = c > ' ' && c < 0x7f && !isLetter(c) && !isDigit(c)
	case 's':
		in = strings.IndexByte(" \t\n\v\f\r", c) >= 0
	case 'u':
		in = c >= 'A' && c <= 'Z'
	case 'w':
		in = isLetter(c) || isDigit(c)
	case 'x':
		in = isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f'
	case 'z':
		in = c == 0
	default:
		return class == c
	}
	return in != (class&0x20 == 0)
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
