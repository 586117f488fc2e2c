// SPDX-License-Identifier: Apache-2.0

package luacfg

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"syscall"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
)

// readSource reads a file that is to be compiled.
func (r *runner) readSource(path string) ([]byte, error) { return r.readFile(path) }

var errNotFile = errors.New("not a file that can be read")

// openFile opens a file without waiting: for the other end of a pipe, say.
func openFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() && !randomDevice(info) {
		err = errNotFile
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// randomDevice reports whether a device is one of those of memory: null, zero,
// random, urandom, which never wait.
func randomDevice(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Mode()&os.ModeCharDevice != 0 && st.Rdev>>8 == 1
}

// readFile reads a whole file, as far as there is memory for it.
func (r *runner) readFile(path string) ([]byte, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	var content []byte
	chunk := make([]byte, 32<<10)
	for {
		n, err := f.Read(chunk)
		content = append(content, chunk[:n]...)
		if r.charge(3 * int64(n)); r.err != nil {
			return nil, r.err
		}
		if errors.Is(err, io.EOF) {
			return content, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

const fileType = "FILE*"

// file is an open file of a program.
type file struct {
	f      *os.File
	r      *bufio.Reader
	closed bool
}

const readOnly = "the config can only read files: io.open(path), io.lines(path), FileContents, FileLine, FileLines"

// maxOpen is how many files a program may have open at once.
const maxOpen = 64

// openIO makes an io library that reads.
func (r *runner) openIO() {
	l := r.state
	meta := l.NewTypeMetatable(fileType)
	for name, fn := range map[string]lua.LGFunction{
		"close": r.fileClose, "lines": r.linesOf, "read": r.fileRead, "seek": fileSeek,
		"setvbuf": fileNop, "flush": fileNop, "write": refuse("writing to a file", readOnly), "__tostring": fileString,
	} {
		meta.RawSetString(name, l.NewFunction(fn))
	}
	meta.RawSetString("__index", meta)
	library := l.CreateTable(0, 16)
	for name, fn := range map[string]lua.LGFunction{
		"open": r.ioOpen, "lines": r.ioLines, "type": ioType, "close": r.fileClose,
		"popen":   refuse("io.popen", "run the command before the server starts, and read what it wrote with FileContents or FileLines"),
		"read":    refuse("io.read", readOnly),
		"input":   refuse("io.input", readOnly),
		"output":  refuse("io.output", readOnly),
		"tmpfile": refuse("io.tmpfile", readOnly),
		"write":   refuse("io.write", "use print to say something"),
	} {
		library.RawSetString(name, l.NewFunction(fn))
	}
	for _, name := range []string{"stdin", "stdout", "stderr"} {
		library.RawSetString(name, r.newFile(&file{closed: true}))
	}
	l.G.Global.RawSetString("io", library)
	if loaded, ok := l.GetField(l.G.Global.RawGetString("package"), "loaded").(*lua.LTable); ok {
		loaded.RawSetString("io", library)
	}
}

func (r *runner) newFile(f *file) *lua.LUserData {
	ud := r.state.NewUserData()
	ud.Value = f
	ud.Metatable = r.state.GetTypeMetatable(fileType)
	return ud
}

// failed pushes what io functions return for an error: nil, text, errno.
func failed(l *lua.LState, path string, err error) int {
	l.Push(lua.LNil)
	text := plain(err)
	var errno syscall.Errno
	if errors.As(err, &errno) {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	l.Push(lua.LString(path + ": " + text))
	l.Push(lua.LNumber(errno))
	return 3
}

func (r *runner) openPath(l *lua.LState, path string) (*file, error) {
	r.Alloc(l, 8<<10)
	r.open = slices.DeleteFunc(r.open, func(f *file) bool { return f.closed })
	if len(r.open) >= maxOpen {
		return nil, fmt.Errorf("more than %d files are open: %w", maxOpen, syscall.EMFILE)
	}
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	opened := &file{f: f, r: bufio.NewReader(f)}
	r.open = append(r.open, opened)
	return opened, nil
}

func (r *runner) ioOpen(l *lua.LState) int {
	path, mode := l.CheckString(1), lua51.OptArg(l, 2, "r")
	if strings.Trim(mode, "rb") != "" {
		l.RaiseError(`io.open "%s" for writing is not available to the config; %s`, path, readOnly)
	}
	f, err := r.openPath(l, path)
	if err != nil {
		return failed(l, path, err)
	}
	l.Push(r.newFile(f))
	return 1
}

func (r *runner) ioLines(l *lua.LState) int {
	path := l.CheckString(1)
	f, err := r.openPath(l, path)
	if err != nil {
		l.RaiseError("%s: %s", path, plain(err))
	}
	return r.pushLines(l, f, true)
}

func (r *runner) linesOf(l *lua.LState) int { return r.pushLines(l, checkFile(l), false) }

// pushLines pushes an iterator over the rest of f.
func (r *runner) pushLines(l *lua.LState, f *file, closing bool) int {
	l.Push(l.NewFunction(func(l *lua.LState) int {
		if f.closed {
			l.Push(lua.LNil)
			return 1
		}
		v := r.readLine(l, f, false)
		if v == lua.LNil && closing {
			f.closed = true
			_ = f.f.Close()
		}
		l.Push(v)
		return 1
	}))
	return 1
}

func ioType(l *lua.LState) int {
	ud, ok := l.CheckAny(1).(*lua.LUserData)
	f, isFile := (*file)(nil), false
	if ok {
		f, isFile = ud.Value.(*file)
	}
	switch {
	case !isFile:
		l.Push(lua.LNil)
	case f.closed:
		l.Push(lua.LString("closed file"))
	default:
		l.Push(lua.LString("file"))
	}
	return 1
}

func checkFile(l *lua.LState) *file {
	f, ok := l.CheckUserData(1).Value.(*file)
	if !ok {
		l.ArgError(1, "file expected")
	}
	if f.closed {
		l.RaiseError("attempt to use a closed file")
	}
	return f
}

func fileString(l *lua.LState) int {
	l.Push(lua.LString("file"))
	return 1
}

func fileNop(l *lua.LState) int {
	l.Push(lua.LTrue)
	return 1
}

func (r *runner) fileClose(l *lua.LState) int {
	f := checkFile(l)
	f.closed = true
	_ = f.f.Close()
	l.Push(lua.LTrue)
	return 1
}

func fileSeek(l *lua.LState) int {
	f, whence := checkFile(l), lua51.OptArg(l, 2, "cur")
	n := int64(0)
	if l.Get(3) != lua.LNil {
		n = int64(l.CheckNumber(3))
	}
	from, ok := map[string]int{"set": io.SeekStart, "cur": io.SeekCurrent, "end": io.SeekEnd}[whence]
	if !ok {
		l.ArgError(2, "invalid option '"+whence+"'")
	}
	if from == io.SeekCurrent {
		n -= int64(f.r.Buffered())
	}
	at, err := f.f.Seek(n, from)
	if err != nil {
		return failed(l, "seek", err)
	}
	f.r.Reset(f.f)
	l.Push(lua.LNumber(at))
	return 1
}

// fileRead is file:read(formats...).
func (r *runner) fileRead(l *lua.LState) int {
	f, top := checkFile(l), l.GetTop()
	if top == 1 {
		l.Push(r.readLine(l, f, false))
		return 1
	}
	for i := 2; i <= top; i++ {
		v := r.readFormat(l, f, l.Get(i))
		l.Push(v)
		if v == lua.LNil {
			return i - 1
		}
	}
	return top - 1
}

func (r *runner) readFormat(l *lua.LState, f *file, format lua.LValue) lua.LValue {
	if n, ok := format.(lua.LNumber); ok {
		return r.readBytes(l, f, float64(n))
	}
	switch strings.TrimPrefix(lua.LVAsString(format), "*") {
	case "l":
		return r.readLine(l, f, false)
	case "L":
		return r.readLine(l, f, true)
	case "n":
		return r.readNumber(l, f)
	case "a":
		if _, err := f.r.Peek(1); errors.Is(err, io.EOF) {
			return lua.LString("")
		}
		return r.readBytes(l, f, math.MaxInt64)
	}
	l.RaiseError("invalid format '%s' to read", lua.LVAsString(format))
	return lua.LNil
}

func (r *runner) readBytes(l *lua.LState, f *file, n float64) lua.LValue {
	var content []byte
	chunk := make([]byte, 16<<10)
	if n < 1 {
		if _, err := f.r.Peek(1); err != nil {
			return lua.LNil
		}
		return lua.LString("")
	}
	for n > 0 {
		got, err := f.r.Read(chunk[:int(min(n, float64(len(chunk))))])
		content, n = append(content, chunk[:got]...), n-float64(got)
		r.Alloc(l, 3*got+64)
		if err != nil {
			break
		}
	}
	if len(content) == 0 {
		return lua.LNil
	}
	return lua.LString(content)
}

func (r *runner) readLine(l *lua.LState, f *file, keep bool) lua.LValue {
	var content []byte
	for {
		part, err := f.r.ReadSlice('\n')
		r.Alloc(l, 3*len(part)+64)
		content = append(content, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == nil && !keep:
			content = content[:len(content)-1]
		case err != nil && len(content) == 0:
			return lua.LNil
		}
		return lua.LString(content)
	}
}

func (r *runner) readNumber(l *lua.LState, f *file) lua.LValue {
	var word []byte
	for {
		c, err := f.r.ReadByte()
		if err != nil {
			break
		}
		if strings.IndexByte(" \t\r\n\f\v", c) >= 0 && len(word) == 0 {
			r.Step(l, 1)
			continue
		}
		if !isLetter(c) && !isDigit(c) && strings.IndexByte("+-.", c) < 0 || len(word) > 100 {
			_ = f.r.UnreadByte()
			break
		}
		word = append(word, c)
	}
	if n, ok := lua51.ParseNumber(string(word)); ok {
		return lua.LNumber(n)
	}
	return lua.LNil
}
