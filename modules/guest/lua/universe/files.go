// SPDX-License-Identifier: Apache-2.0

package universe

import (
	"bufio"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"strings"
	"syscall"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
)

const fileType = "FILE*"

// file is an open file of Lua. What is written is not buffered: nothing flushes
// a file that Lua forgets to close.
type file struct {
	f      *os.File
	r      *bufio.Reader
	cmd    *exec.Cmd // of io.popen
	closed bool
}

// plain is err without the operation and the path.
func plain(err error) string {
	text := err.Error()
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		text = errno.Error()
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	return text
}

// pushError pushes what functions of io and os return for an error: nil, text
// and the number, by which Prosody knows a file that is not there (2).
func pushError(l *lua.LState, path string, err error) int {
	var errno syscall.Errno
	_ = errors.As(err, &errno) // 0 otherwise
	text := plain(err)
	if path != "" {
		text = path + ": " + text
	}
	l.Push(lua.LNil)
	l.Push(lua.LString(text))
	l.Push(lua.LNumber(errno))
	return 3
}

// pushDone pushes true, or what an error is.
func pushDone(l *lua.LState, path string, err error) int {
	if err != nil {
		return pushError(l, path, err)
	}
	l.Push(lua.LTrue)
	return 1
}

func (u *Universe) openFiles() {
	l := u.main
	mt := l.NewTypeMetatable(fileType)
	lua51.Set(l, mt, map[string]lua.LGFunction{
		"close": u.fileClose, "flush": fileFlush, "lines": u.fileLines, "read": u.fileRead, "seek": fileSeek,
		"setvbuf": fileFlush, "write": u.fileWrite, "__tostring": fileString,
	})
	mt.RawSetString("__index", mt)
	t := u.libraryTable("io")
	lua51.Set(l, t, map[string]lua.LGFunction{
		"close": u.ioClose, "flush": func(l *lua.LState) int { u.defaultFile(l, "stdout"); l.Push(lua.LTrue); return 1 }, "input": u.ioDefault("stdin", "r"), "lines": u.ioLines, "open": u.ioOpen, "output": u.ioDefault("stdout", "w"),
		"popen": u.ioPopen, "read": u.ioRead, "tmpfile": u.ioTmpFile, "type": ioType, "write": u.ioWrite,
	})
	for name, f := range map[string]*os.File{"stdin": os.Stdin, "stdout": os.Stdout, "stderr": os.Stderr} {
		v := newFile(l, f)
		t.RawSetString(name, v)
		u.defaults[name] = v
	}
	lua51.Set(l, u.libraryTable("os"), map[string]lua.LGFunction{
		"execute": u.osExecute,
		"exit": func(l *lua.LState) int {
			l.RaiseError("os.exit is not available: it would end the server")
			return 0
		},
		"getenv": osGetenv,
		"remove": func(l *lua.LState) int { path := lua51.Arg(l, 1); return pushDone(l, path, os.Remove(path)) },
		"rename": func(l *lua.LState) int {
			path := lua51.Arg(l, 1)
			return pushDone(l, path, os.Rename(path, lua51.Arg(l, 2)))
		},
		"setlocale": osSetLocale,
		"tmpname":   osTmpName,
	})
}

func newFile(l *lua.LState, f *os.File) *lua.LUserData {
	ud := l.NewUserData()
	ud.Value = &file{f: f, r: bufio.NewReader(f)}
	ud.Metatable = l.GetTypeMetatable(fileType)
	return ud
}

func checkFile(l *lua.LState) *file {
	f, ok := l.CheckUserData(1).Value.(*file)
	if !ok {
		l.ArgError(1, "FILE* expected")
	}
	if f.closed {
		l.RaiseError("attempt to use a closed file")
	}
	return f
}

func openFile(path, mode string) (*os.File, error) {
	flag := os.O_RDONLY
	switch strings.TrimSuffix(strings.Replace(mode, "b", "", 1), "e") {
	case "r", "":
	case "r+":
		flag = os.O_RDWR
	case "w":
		flag = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	case "w+":
		flag = os.O_RDWR | os.O_CREATE | os.O_TRUNC
	case "a":
		flag = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	case "a+":
		flag = os.O_RDWR | os.O_CREATE | os.O_APPEND
	default:
		return nil, syscall.EINVAL
	}
	return os.OpenFile(path, flag, 0o666) //nolint:gosec // the umask is the admin's, as with C's fopen
}

func (u *Universe) ioOpen(l *lua.LState) int {
	path, mode := lua51.Arg(l, 1), lua51.OptArg(l, 2, "r")
	f, err := openFile(path, mode)
	if err != nil {
		return pushError(l, path, err)
	}
	l.Push(newFile(l, f))
	return 1
}

func (u *Universe) ioTmpFile(l *lua.LState) int {
	f, err := os.CreateTemp("", "lua_")
	if err != nil {
		return pushError(l, "", err)
	}
	_ = os.Remove(f.Name()) // it lives as long as it is open
	l.Push(newFile(l, f))
	return 1
}

// ioPopen runs a command of the shell. Reading from it holds up all of Lua.
func (u *Universe) ioPopen(l *lua.LState) int {
	cmd := exec.Command("/bin/sh", "-c", lua51.Arg(l, 1)) //nolint:gosec,noctx // running what Lua says is what popen is for
	r, w, err := os.Pipe()
	if err != nil {
		return pushError(l, "", err)
	}
	ours, theirs := r, w
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, w, os.Stderr
	if strings.HasPrefix(lua51.OptArg(l, 2, "r"), "w") {
		ours, theirs = w, r
		cmd.Stdin, cmd.Stdout = r, os.Stdout
	}
	err = cmd.Start()
	_ = theirs.Close() // the child has its own
	if err != nil {
		_ = ours.Close() // of no use
		return pushError(l, "", err)
	}
	ud := newFile(l, ours)
	if f, ok := ud.Value.(*file); ok {
		f.cmd = cmd
	}
	l.Push(ud)
	return 1
}

// osExecute runs a command of the shell. It holds up all of Lua.
func (u *Universe) osExecute(l *lua.LState) int {
	if l.Get(1) == lua.LNil {
		l.Push(lua.LNumber(1))
		return 1
	}
	cmd := exec.Command("/bin/sh", "-c", lua51.Arg(l, 1)) //nolint:gosec,noctx // running what Lua says is what execute is for
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	_ = cmd.Run() // the status says it all
	status := -1
	if cmd.ProcessState != nil {
		status = cmd.ProcessState.ExitCode() << 8
	}
	l.Push(lua.LNumber(status))
	return 1
}

func osGetenv(l *lua.LState) int {
	if v, ok := os.LookupEnv(lua51.Arg(l, 1)); ok {
		l.Push(lua.LString(v))
	} else {
		l.Push(lua.LNil)
	}
	return 1
}

// osSetLocale knows the locale C alone.
func osSetLocale(l *lua.LState) int {
	switch lua51.OptArg(l, 1, "C") {
	case "C", "POSIX", "":
		l.Push(lua.LString("C"))
	default:
		l.Push(lua.LNil)
	}
	return 1
}

func osTmpName(l *lua.LState) int {
	f, err := os.CreateTemp("", "lua_")
	if err != nil {
		l.RaiseError("unable to generate a unique filename")
	}
	_ = f.Close() // empty
	l.Push(lua.LString(f.Name()))
	return 1
}

func ioType(l *lua.LState) int {
	result := lua.LNil
	if ud, ok := l.CheckAny(1).(*lua.LUserData); ok {
		if f, ok := ud.Value.(*file); ok {
			result = lua.LString("file")
			if f.closed {
				result = lua.LString("closed file")
			}
		}
	}
	l.Push(result)
	return 1
}

func fileString(l *lua.LState) int {
	text := "file (closed)"
	if f, ok := l.CheckUserData(1).Value.(*file); ok && !f.closed {
		text = "file (" + f.f.Name() + ")"
	}
	l.Push(lua.LString(text))
	return 1
}

func fileFlush(l *lua.LState) int {
	checkFile(l)
	l.Push(lua.LTrue)
	return 1
}

func (u *Universe) fileClose(l *lua.LState) int {
	f := checkFile(l)
	f.closed = true
	err := f.f.Close()
	if f.cmd != nil {
		err = f.cmd.Wait()
		if _, ok := errors.AsType[*exec.ExitError](err); ok {
			err = nil // Lua 5.1 does not tell
		}
	}
	return pushDone(l, "", err)
}

func (u *Universe) ioClose(l *lua.LState) int {
	if l.Get(1) == lua.LNil {
		l.SetTop(0)
		l.Push(u.defaults["stdout"])
	}
	return u.fileClose(l)
}

// ioDefault is io.input or io.output.
func (u *Universe) ioDefault(name, mode string) lua.LGFunction {
	return func(l *lua.LState) int {
		switch v := l.Get(1).(type) {
		case *lua.LNilType:
		case *lua.LUserData:
			checkFile(l)
			u.defaults[name] = v
		default:
			path := lua51.Arg(l, 1)
			f, err := openFile(path, mode)
			if err != nil {
				l.RaiseError("%s: %s", path, plain(err))
			}
			u.defaults[name] = newFile(l, f)
		}
		l.Push(u.defaults[name])
		return 1
	}
}

func (u *Universe) fileWrite(l *lua.LState) int { return write(l, checkFile(l), 2) }

func (u *Universe) ioWrite(l *lua.LState) int {
	return write(l, u.defaultFile(l, "stdout"), 1)
}

func write(l *lua.LState, f *file, from int) int {
	if n := f.r.Buffered(); n > 0 { // what was read ahead was not read
		_, _ = f.f.Seek(int64(-n), io.SeekCurrent) // a pipe can not
		f.r.Reset(f.f)
	}
	for i := from; i <= l.GetTop(); i++ {
		if _, err := f.f.WriteString(lua51.Arg(l, i)); err != nil {
			return pushError(l, "", err)
		}
	}
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
		return pushError(l, "", err)
	}
	f.r.Reset(f.f)
	l.Push(lua.LNumber(at))
	return 1
}

func (u *Universe) fileRead(l *lua.LState) int { return u.read(l, checkFile(l), take(l, 2)) }

func (u *Universe) ioRead(l *lua.LState) int {
	return u.read(l, u.defaultFile(l, "stdin"), take(l, 1))
}

// defaultFile is the file of io.input or io.output.
func (u *Universe) defaultFile(l *lua.LState, name string) *file {
	f, _ := u.defaults[name].Value.(*file)
	if f.closed {
		l.RaiseError("standard %s file is closed", strings.TrimPrefix(name, "std"))
	}
	return f
}

func (u *Universe) read(l *lua.LState, f *file, formats []lua.LValue) int {
	if len(formats) == 0 {
		formats = []lua.LValue{lua.LString("l")}
	}
	for i, format := range formats {
		v, err := u.readFormat(l, f, format)
		if err != nil && !errors.Is(err, io.EOF) && v == lua.LNil {
			return i + pushError(l, "", err)
		}
		l.Push(v)
		if v == lua.LNil {
			return i + 1
		}
	}
	return len(formats)
}

func (u *Universe) readFormat(l *lua.LState, f *file, format lua.LValue) (lua.LValue, error) {
	if n, ok := format.(lua.LNumber); ok {
		return u.readBytes(l, f, float64(n), false)
	}
	switch strings.TrimPrefix(lua51.ToText(format), "*") {
	case "l":
		return u.readLine(l, f, false)
	case "L":
		return u.readLine(l, f, true)
	case "n":
		return u.readNumber(l, f)
	case "a":
		return u.readBytes(l, f, math.Inf(1), true)
	}
	l.RaiseError("bad argument #1 to 'read' (invalid format)")
	return lua.LNil, nil
}

func (u *Universe) readBytes(l *lua.LState, f *file, n float64, all bool) (lua.LValue, error) {
	if n < 1 {
		if _, err := f.r.Peek(1); err != nil {
			return lua.LNil, err
		}
		return lua.LString(""), nil
	}
	var content []byte
	chunk := make([]byte, int(min(n, 16<<10)))
	for n > 0 {
		got, err := f.r.Read(chunk[:int(min(n, float64(len(chunk))))])
		content, n = append(content, chunk[:got]...), n-float64(got)
		(*meter)(u).Alloc(l, 3*got)
		switch {
		case err == nil:
		case len(content) > 0 || all && errors.Is(err, io.EOF):
			return lua.LString(content), nil
		default:
			return lua.LNil, err
		}
	}
	return lua.LString(content), nil
}

func (u *Universe) readLine(l *lua.LState, f *file, keep bool) (lua.LValue, error) {
	var content []byte
	for {
		part, err := f.r.ReadSlice('\n')
		(*meter)(u).Alloc(l, 3*len(part))
		content = append(content, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == nil && !keep:
			content = content[:len(content)-1]
		case err != nil && len(content) == 0:
			return lua.LNil, err
		}
		return lua.LString(content), nil
	}
}

func (u *Universe) readNumber(l *lua.LState, f *file) (lua.LValue, error) {
	var word []byte
	for {
		c, err := f.r.ReadByte()
		if err != nil {
			break
		}
		if strings.IndexByte(" \t\r\n\f\v", c) >= 0 && len(word) == 0 {
			(*meter)(u).Step(l, 1)
			continue
		}
		if !strings.ContainsRune("+-.0123456789abcdefABCDEFxX", rune(c)) || len(word) > 100 {
			_ = f.r.UnreadByte() // it was just read
			break
		}
		word = append(word, c)
	}
	if n, ok := lua51.ParseNumber(string(word)); ok {
		return lua.LNumber(n), nil
	}
	return lua.LNil, io.EOF
}

func (u *Universe) fileLines(l *lua.LState) int {
	return u.pushLines(l, checkFile(l), take(l, 2), false)
}

func (u *Universe) ioLines(l *lua.LState) int {
	if l.Get(1) == lua.LNil {
		return u.pushLines(l, u.defaultFile(l, "stdin"), nil, false)
	}
	path := lua51.Arg(l, 1)
	f, err := openFile(path, "r")
	if err != nil {
		l.RaiseError("%s: %s", path, plain(err))
	}
	return u.pushLines(l, &file{f: f, r: bufio.NewReader(f)}, take(l, 2), true)
}

// pushLines pushes an iterator over the rest of f.
func (u *Universe) pushLines(l *lua.LState, f *file, formats []lua.LValue, closing bool) int {
	l.Push(l.NewFunction(func(l *lua.LState) int {
		if f.closed {
			l.RaiseError("file is already closed")
		}
		n := u.read(l, f, formats)
		if l.Get(-n) == lua.LNil && closing {
			f.closed = true
			_ = f.f.Close() // only read
		}
		return n
	}))
	return 1
}
