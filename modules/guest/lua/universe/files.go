// SPDX-License-Identifier: Apache-2.0

package universe

import (
	"bufio"
	"context"
	"errors"
	"io"
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
	stream
	r      *bufio.Reader
	closed bool
}

// pushDone pushes true, or what an error is.
func pushDone(l *lua.LState, path string, err error) int {
	if err != nil {
		return lua51.PushError(l, path, err)
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
		v := u.newFile(l, f)
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

func (u *Universe) newFile(l *lua.LState, f *os.File) *lua.LUserData {
	ud := l.NewUserData()
	ud.Value = u.fileOf(f)
	ud.Metatable = l.GetTypeMetatable(fileType)
	return ud
}

func (u *Universe) fileOf(f *os.File) *file {
	made := &file{stream: stream{u: u, f: f}}
	made.r = bufio.NewReader(&made.stream)
	return made
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

// openFile opens a file. One that is neither a file nor a folder may take its
// time: a pipe with a name opens when its other end does.
func (u *Universe) openFile(l *lua.LState, path, mode string) (f *os.File, err error) {
	if info, failed := os.Stat(path); failed != nil || info.Mode().IsRegular() || info.IsDir() {
		return openAs(path, mode)
	}
	u.await(l, func(ctx context.Context) {
		opened, failed := openAs(path, mode)
		if ctx.Err() == nil {
			f, err = opened, failed
		} else if failed == nil {
			_ = opened.Close() // nobody waits for it any more
		}
	})
	return f, err
}

func openAs(path, mode string) (*os.File, error) {
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
	f, err := u.openFile(l, path, mode)
	if err != nil {
		return lua51.PushError(l, path, err)
	}
	l.Push(u.newFile(l, f))
	return 1
}

func (u *Universe) ioTmpFile(l *lua.LState) int {
	f, err := os.CreateTemp("", "lua_")
	if err != nil {
		return lua51.PushError(l, "", err)
	}
	_ = os.Remove(f.Name()) // it lives as long as it is open
	l.Push(u.newFile(l, f))
	return 1
}

// ioPopen runs a command of the shell. Reading from it holds up all of Lua in a
// task that may not wait.
func (u *Universe) ioPopen(l *lua.LState) int {
	cmd := shell(context.Background(), lua51.Arg(l, 1))
	r, w, err := os.Pipe()
	if err != nil {
		return lua51.PushError(l, "", err)
	}
	ours, theirs := r, w
	if strings.HasPrefix(lua51.OptArg(l, 2, "r"), "w") {
		ours, theirs = w, r
		cmd.Stdin = r
	} else {
		cmd.Stdout = w
	}
	err = cmd.Start()
	_ = theirs.Close() // the child has its own
	if err != nil {
		_ = ours.Close() // of no use
		return lua51.PushError(l, "", err)
	}
	ud := u.newFile(l, ours)
	if f, ok := ud.Value.(*file); ok {
		f.cmd = cmd
	}
	l.Push(ud)
	return 1
}

// osExecute runs a command of the shell. It holds up all of Lua in a task that
// may not wait.
func (u *Universe) osExecute(l *lua.LState) int {
	if l.Get(1) == lua.LNil {
		l.Push(lua.LNumber(1))
		return 1
	}
	line, status := lua51.Arg(l, 1), make(chan int, 1)
	u.await(l, func(ctx context.Context) {
		cmd := shell(ctx, line)
		_ = cmd.Run() // the status says it all
		if cmd.ProcessState == nil {
			status <- -1
			return
		}
		status <- cmd.ProcessState.ExitCode() << 8
	})
	l.Push(lua.LNumber(<-status))
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
		ended := make(chan error, 1)
		u.await(l, func(ctx context.Context) {
			defer context.AfterFunc(ctx, func() { _ = kill(f.cmd) })() // it may have ended
			ended <- f.cmd.Wait()
		})
		err = <-ended
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
			f, err := u.openFile(l, path, mode)
			if err != nil {
				l.RaiseError("%s: %s", path, lua51.Reason(err))
			}
			u.defaults[name] = u.newFile(l, f)
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
		f.r.Reset(&f.stream)
	}
	for i := from; i <= l.GetTop(); i++ {
		if _, err := f.WriteString(lua51.Arg(l, i)); err != nil {
			return lua51.PushError(l, "", err)
		}
	}
	l.Push(lua.LTrue)
	return 1
}

func fileSeek(l *lua.LState) int {
	f := checkFile(l)
	return lua51.Seek(l, f.f, f.r)
}

func (u *Universe) fileRead(l *lua.LState) int {
	return u.library.Read(l, checkFile(l).r, lua51.Args(l, 2))
}

func (u *Universe) ioRead(l *lua.LState) int {
	return u.library.Read(l, u.defaultFile(l, "stdin").r, lua51.Args(l, 1))
}

// defaultFile is the file of io.input or io.output.
func (u *Universe) defaultFile(l *lua.LState, name string) *file {
	f, _ := u.defaults[name].Value.(*file)
	if f.closed {
		l.RaiseError("standard %s file is closed", strings.TrimPrefix(name, "std"))
	}
	return f
}

func (u *Universe) fileLines(l *lua.LState) int {
	return u.pushLines(l, checkFile(l), lua51.Args(l, 2), false)
}

func (u *Universe) ioLines(l *lua.LState) int {
	if l.Get(1) == lua.LNil {
		return u.pushLines(l, u.defaultFile(l, "stdin"), nil, false)
	}
	path := lua51.Arg(l, 1)
	f, err := u.openFile(l, path, "r")
	if err != nil {
		l.RaiseError("%s: %s", path, lua51.Reason(err))
	}
	return u.pushLines(l, u.fileOf(f), lua51.Args(l, 2), true)
}

// pushLines pushes an iterator over the rest of f.
func (u *Universe) pushLines(l *lua.LState, f *file, formats []lua.LValue, closing bool) int {
	l.Push(l.NewFunction(func(l *lua.LState) int {
		if f.closed {
			l.RaiseError("file is already closed")
		}
		n := u.library.Read(l, f.r, formats)
		if l.Get(-n) == lua.LNil && closing {
			f.closed = true
			_ = f.f.Close() // only read
		}
		return n
	}))
	return 1
}
