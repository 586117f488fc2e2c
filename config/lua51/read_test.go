// SPDX-License-Identifier: Apache-2.0

package lua51_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
)

// pushed is what is on the stack, by tostring.
func pushed(l *lua.LState, n int) string {
	var all []string
	for i := l.GetTop() - n + 1; i <= l.GetTop(); i++ {
		all = append(all, l.Get(i).String())
	}
	return strings.Join(all, "|")
}

func TestRead(t *testing.T) {
	const text = "12 little\nwords\r\n0x1F -1e2x\n\nend"
	long := strings.Repeat("x", 50_000)
	n := func(f float64) lua.LValue { return lua.LNumber(f) }
	s := func(f string) lua.LValue { return lua.LString(f) }
	for _, tt := range []struct {
		name, text, want string
		formats          []lua.LValue
	}{
		{"no format is a line", text, "12 little", nil},
		{"lines, with and without their end", text, "12 little|words\r\n|0x1F -1e2x", []lua.LValue{s("*l"), s("*L"), s("l")}},
		{"numbers", text, "12| little|nil", []lua.LValue{s("*n"), s("*l"), s("*n")}},
		{"numbers in hexadecimal and with an exponent", "0x1F -1e2 x", "31|-100| x", []lua.LValue{s("n"), s("n"), s("a")}},
		{"bytes", text, "12 |little\nwords", []lua.LValue{n(3), n(12)}},
		{"more bytes than there are", "abc", "abc|nil", []lua.LValue{n(100), n(1)}},
		{"no bytes", "abc", "|abc|nil", []lua.LValue{n(0), s("a"), n(0)}},
		{"a negative number of bytes", "abc", "", []lua.LValue{n(-5)}},
		{"a number of bytes that is none", "abc", "", []lua.LValue{n(math.NaN())}},
		{"a fraction of bytes", "abc", "a|bc", []lua.LValue{n(1.9), n(math.Inf(1))}},
		{"all, again and again", "abc", "abc||", []lua.LValue{s("*a"), s("*a"), s("a")}},
		{"all of nothing", "", "", []lua.LValue{s("*a")}},
		{"a line of nothing, and what comes behind is not read", "", "nil", []lua.LValue{s("*l"), s("*a")}},
		{"an empty line", "\n", "|nil", []lua.LValue{s("*l"), s("*l")}},
		{"a line longer than the buffer", long + "\nx", long + "|x", []lua.LValue{s("*l"), s("*l")}},
		{"all that is longer than a chunk", long, long, []lua.LValue{s("*a")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := lua.NewState()
			defer l.Close()
			r := bufio.NewReaderSize(strings.NewReader(tt.text), 64)
			if got := pushed(l, lua51.New(free{}).Read(l, r, tt.formats)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A number of thousands of digits is not read to its end.
func TestReadLongNumber(t *testing.T) {
	l := lua.NewState()
	defer l.Close()
	r := bufio.NewReader(strings.NewReader(strings.Repeat("1", 5000)))
	lua51.New(free{}).Read(l, r, []lua.LValue{lua.LString("*n"), lua.LString("*a")})
	if rest := len(l.ToString(-1)); l.Get(-2).Type() != lua.LTNumber || rest < 4800 || rest > 4900 {
		t.Errorf("got %s, and %d bytes are left", l.Get(-2), rest)
	}
}

func TestReadFormats(t *testing.T) {
	for _, format := range []lua.LValue{lua.LString("*x"), lua.LString(""), lua.LTrue, lua.LNil} {
		l := lua.NewState()
		err := l.CallByParam(lua.P{Fn: l.NewFunction(func(l *lua.LState) int {
			return lua51.New(free{}).Read(l, bufio.NewReader(strings.NewReader("x")), []lua.LValue{format})
		}), Protect: true})
		if err == nil || !strings.Contains(err.Error(), "invalid format") {
			t.Errorf("%v: got %v", format, err)
		}
		l.Close()
	}
}

// A meter that has enough ends what is being read.
type sober struct{ left *int }

func (m sober) Step(l *lua.LState, _ int) { m.Alloc(l, 0) }
func (m sober) Alloc(l *lua.LState, n int) {
	if *m.left -= n; *m.left < 0 {
		l.RaiseError("enough")
	}
}

func TestReadIsMetered(t *testing.T) {
	for _, format := range []string{"*a", "*l"} {
		l, left := lua.NewState(), 1<<20
		err := l.CallByParam(lua.P{Fn: l.NewFunction(func(l *lua.LState) int {
			return lua51.New(sober{&left}).Read(l, bufio.NewReader(zeros{}), []lua.LValue{lua.LString(format)})
		}), Protect: true})
		if err == nil || !strings.Contains(err.Error(), "enough") {
			t.Errorf("%s of an endless file: got %v", format, err)
		}
		l.Close()
	}
}

// zeros is a file that never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestSeek(t *testing.T) {
	file := filepath.Join(t.TempDir(), "words")
	if err := os.WriteFile(file, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := bufio.NewReader(f)
	l := lua.NewState()
	defer l.Close()
	for _, tt := range []struct {
		whence lua.LValue
		offset lua.LValue
		want   string // where, and the next two bytes
	}{
		{lua.LNil, lua.LNil, "0|01"},
		{lua.LString("cur"), lua.LNumber(1), "3|34"}, // after what was read, not what was read ahead
		{lua.LString("set"), lua.LNumber(8), "8|89"},
		{lua.LString("end"), lua.LNumber(-1), "9|9"},
		{lua.LString("cur"), lua.LNil, "10|nil"},
		{lua.LString("set"), lua.LNumber(-1), "nil|Invalid argument|22|nil"},
		{lua.LString("set"), lua.LNil, "0|01"},
	} {
		l.SetTop(0)
		for _, v := range []lua.LValue{lua.LNil, tt.whence, tt.offset} {
			l.Push(v)
		}
		got := pushed(l, lua51.Seek(l, f, r))
		if got += "|" + pushed(l, lua51.New(free{}).Read(l, r, []lua.LValue{lua.LNumber(2)})); got != tt.want {
			t.Errorf("%v, %v: got %s, want %s", tt.whence, tt.offset, got, tt.want)
		}
	}
	if err := l.CallByParam(lua.P{Fn: l.NewFunction(func(l *lua.LState) int { return lua51.Seek(l, f, r) }), Protect: true},
		lua.LNil, lua.LString("middle")); err == nil || !strings.Contains(err.Error(), "invalid option 'middle'") {
		t.Errorf("got %v", err)
	}
}

func TestPushError(t *testing.T) {
	_, gone := os.Open("/nowhere/at/all")
	for _, tt := range []struct {
		name, path string
		err        error
		want       string
	}{
		{"of a file", "/nowhere/at/all", gone, "nil|/nowhere/at/all: No such file or directory|2"},
		{"without a path", "", gone, "nil|No such file or directory|2"},
		{"of a renaming", "a", os.Rename("/nowhere/at/all", "/nowhere/else"), "nil|a: No such file or directory|2"},
		{"of the system, with more words", "a", fmt.Errorf("more than 64 are open: %w", syscall.EMFILE), "nil|a: More than 64 are open: too many open files|24"},
		{"not of the system", "a", &fs.PathError{Op: "read", Path: "a", Err: os.ErrClosed}, "nil|a: file already closed|0"},
		{"of ours", "a", errors.New("not a file that can be read"), "nil|a: not a file that can be read|0"},
	} {
		l := lua.NewState()
		if got := pushed(l, lua51.PushError(l, tt.path, tt.err)); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
		l.Close()
	}
}

// A folder can be opened, but not be read.
func TestReadFolder(t *testing.T) {
	f, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, format := range []lua.LValue{lua.LString("*a"), lua.LString("*l"), lua.LNumber(1), lua.LNumber(0)} {
		l := lua.NewState()
		if got := pushed(l, lua51.New(free{}).Read(l, bufio.NewReader(f), []lua.LValue{format})); got != "nil|Is a directory|21" {
			t.Errorf("%v: got %s", format, got)
		}
		l.Close()
	}
}
