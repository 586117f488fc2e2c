// SPDX-License-Identifier: Apache-2.0

package lua51

import (
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// stop ends a match that takes too many steps.
type stop struct{}

// counter allows so many steps.
type counter struct{ left int }

func (c *counter) Alloc(*lua.LState, int) {}

func (c *counter) Step(_ *lua.LState, n int) {
	if c.left -= n; c.left < 0 {
		panic(stop{})
	}
}

func find(src, pat string, steps int) (from, to int, ended bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(stop); !ok {
				panic(r)
			}
			ended = false
		}
	}()
	m := &matcher{src: src, pat: pat, meter: &counter{steps}}
	from, to, err = m.find(0, false)
	return from, to, true, err
}

func TestPatternSteps(t *testing.T) {
	const src = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	if _, _, ended, _ := find(src, "a*a*a*a*a*a*a*a*a*a*b", 1_000_000); ended {
		t.Error("a match that must backtrack ended too soon to be one")
	}
	if from, to, ended, err := find(src+"b", "a*b", 1000); !ended || err != nil || from != 0 || to != len(src)+1 {
		t.Errorf("got %d, %d, %v, %v", from, to, ended, err)
	}
}

// No pattern makes the matcher fail, read beyond its ends, or go on for ever.
func FuzzPattern(f *testing.F) {
	for _, pat := range []string{"", "a*", "(a)(b?)%1", "%f[%w]%w+", "%b()", "[^%s]+", "[]]", "[a-", "%", "(()", "()", "^a$", "a-b", "[%", "[^", "%g%z"} {
		f.Add("hello (world) \x00\xff", pat)
	}
	f.Fuzz(func(t *testing.T, src, pat string) {
		if len(src) > 1000 {
			return
		}
		from, to, ended, err := find(src, pat, 100_000)
		if ended && err == nil && (from < -1 || to > len(src) || from > to) {
			t.Errorf("%q %q: got %d, %d", src, pat, from, to)
		}
	})
}
