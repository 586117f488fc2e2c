// SPDX-License-Identifier: Apache-2.0

package luacfg

import (
	"bufio"
	"errors"
	"fmt"
	"io"
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
		return lua51.PushError(l, path, err)
	}
	l.Push(r.newFile(f))
	return 1
}

func (r *runner) ioLines(l *lua.LState) int {
	path := l.CheckString(1)
	f, err := r.openPath(l, path)
	if err != nil {
		l.RaiseError("%s: %s", path, lua51.Reason(err))
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
		n := r.library.Read(l, f.r, nil)
		if l.Get(-n) == lua.LNil && closing {
			f.closed = true
			_ = f.f.Close()
		}
		return n
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
	f := checkFile(l)
	return lua51.Seek(l, f.f, f.r)
}

func (r *runner) fileRead(l *lua.LState) int {
	f := checkFile(l)
	return r.library.Read(l, f.r, lua51.Args(l, 2))
}
