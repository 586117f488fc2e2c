// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/memory"
)

// openFiles is lfs, without links and locks: nothing that modules use.
func openFiles(l *lua.LState) int {
	t := tableOf(l, map[string]lua.LGFunction{
		"attributes":        func(l *lua.LState) int { return fileAttributes(l, syscall.Stat) },
		"symlinkattributes": func(l *lua.LState) int { return fileAttributes(l, syscall.Lstat) },
		"dir":               fileDir,
		"mkdir":             func(l *lua.LState) int { return done(l, syscall.Mkdir(l.CheckString(1), 0o777)) },
		"rmdir":             func(l *lua.LState) int { return done(l, syscall.Rmdir(l.CheckString(1))) },
		"touch":             fileTouch,
		"link": func(l *lua.LState) int {
			if checkFlag(l, 3) {
				return done(l, os.Symlink(l.CheckString(1), l.CheckString(2)))
			}
			return done(l, os.Link(l.CheckString(1), l.CheckString(2)))
		},
		"currentdir": func(l *lua.LState) int {
			dir, err := os.Getwd()
			if err != nil {
				return refused(l, lua.LNil, err)
			}
			return one(l, lua.LString(dir))
		},
		// The working directory is one for the whole server.
		"chdir": func(l *lua.LState) int {
			dir := l.CheckString(1)
			here, err := os.Getwd()
			if abs, errAbs := filepath.Abs(dir); err == nil && errAbs == nil && abs == here {
				return one(l, lua.LTrue)
			}
			return failed(l, "Unable to change working directory to '"+dir+"'\nit is that of the whole server\n")
		},
	})
	t.RawSetString("_VERSION", lua.LString("tercet"))
	return one(l, t)
}

// done pushes true, or what went wrong.
func done(l *lua.LState, err error) int {
	if err != nil {
		return refused(l, lua.LNil, err)
	}
	return one(l, lua.LTrue)
}

// fileAttributes returns a table, or one attribute, of the file of a name.
func fileAttributes(l *lua.LState, stat func(string, *syscall.Stat_t) error) int {
	name := l.CheckString(1)
	var st syscall.Stat_t
	if err := stat(name, &st); err != nil {
		var errno syscall.Errno
		errors.As(err, &errno)
		l.Push(lua.LNil)
		l.Push(lua.LString("cannot obtain information from file '" + name + "': " + errnoText(errno)))
		l.Push(lua.LNumber(errno))
		return 3
	}
	all := map[string]lua.LValue{
		"mode": lua.LString(fileMode(st.Mode)), "permissions": lua.LString(permissions(st.Mode)),
		"size": lua.LNumber(st.Size), "dev": lua.LNumber(st.Dev), "ino": lua.LNumber(st.Ino), "nlink": lua.LNumber(st.Nlink),
		"uid": lua.LNumber(st.Uid), "gid": lua.LNumber(st.Gid), "rdev": lua.LNumber(st.Rdev),
		"access": lua.LNumber(st.Atim.Sec), "modification": lua.LNumber(st.Mtim.Sec), "change": lua.LNumber(st.Ctim.Sec),
		"blocks": lua.LNumber(st.Blocks), "blksize": lua.LNumber(st.Blksize),
	}
	if field, ok := l.Get(2).(lua.LString); ok {
		v, ok := all[string(field)]
		if !ok {
			l.RaiseError("invalid attribute name '%s'", string(field))
		}
		return one(l, v)
	}
	t, ok := l.Get(2).(*lua.LTable)
	if !ok {
		t = l.NewTable()
	}
	for k, v := range all {
		t.RawSetString(k, v)
	}
	return one(l, t)
}

func fileMode(mode uint32) string {
	switch mode & syscall.S_IFMT {
	case syscall.S_IFREG:
		return "file"
	case syscall.S_IFDIR:
		return "directory"
	case syscall.S_IFLNK:
		return "link"
	case syscall.S_IFSOCK:
		return "socket"
	case syscall.S_IFIFO:
		return "named pipe"
	case syscall.S_IFCHR:
		return "char device"
	case syscall.S_IFBLK:
		return "block device"
	}
	return "other"
}

func permissions(mode uint32) string {
	out := []byte("rwxrwxrwx")
	for i := range out {
		if mode&(1<<(8-i)) == 0 {
			out[i] = '-'
		}
	}
	return string(out)
}

// fileDir returns an iterator over the names in a folder.
func fileDir(l *lua.LState) int {
	name := l.CheckString(1)
	entries, err := os.ReadDir(name)
	if err != nil {
		var errno syscall.Errno
		errors.As(err, &errno)
		l.RaiseError("cannot open %s: %s", name, errnoText(errno))
	}
	names := []string{".", ".."}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	i := 0
	return one(l, l.NewFunction(func(l *lua.LState) int {
		if i == len(names) {
			return one(l, lua.LNil)
		}
		i++
		return one(l, lua.LString(names[i-1]))
	}))
}

func fileTouch(l *lua.LState) int {
	accessed := time.Now()
	if l.Get(2) != lua.LNil {
		accessed = time.Unix(int64(checkInt(l, 2)), 0)
	}
	modified := accessed
	if l.Get(3) != lua.LNil {
		modified = time.Unix(int64(checkInt(l, 3)), 0)
	}
	return done(l, os.Chtimes(l.CheckString(1), accessed, modified))
}

// openPosix is util.pposix as far as it does not make a daemon of the process:
// the server does that.
func openPosix(l *lua.LState) int {
	t := tableOf(l, map[string]lua.LGFunction{
		"getpid": func(l *lua.LState) int { return one(l, lua.LNumber(os.Getpid())) },
		"getuid": func(l *lua.LState) int { return one(l, lua.LNumber(os.Getuid())) },
		"getgid": func(l *lua.LState) int { return one(l, lua.LNumber(os.Getgid())) },
		"mkdir": func(l *lua.LState) int {
			if err := syscall.Mkdir(l.CheckString(1), 0o777); err != nil {
				l.Push(lua.LFalse)
				return 1 + pushReason(l, err)
			}
			return one(l, lua.LTrue)
		},
		"setenv":        posixSetenv,
		"uname":         posixUname,
		"getrlimit":     posixGetrlimit,
		"meminfo":       posixMeminfo,
		"isatty":        func(l *lua.LState) int { return one(l, lua.LFalse) }, // a server has no terminal
		"umask":         posixUmask,
		"atomic_append": posixAppend,
	})
	t.RawSetString("_NAME", lua.LString("pposix"))
	t.RawSetString("_VERSION", lua.LString("0.4.0"))
	t.RawSetString("ENOENT", lua.LNumber(syscall.ENOENT))
	return one(l, t)
}

func posixSetenv(l *lua.LState) int {
	name := l.CheckString(1)
	if l.Get(2) == lua.LNil {
		return done(l, os.Unsetenv(name))
	}
	return done(l, os.Setenv(name, l.CheckString(2)))
}

func posixUname(l *lua.LState) int {
	var u syscall.Utsname
	if err := syscall.Uname(&u); err != nil {
		return refused(l, lua.LNil, err)
	}
	t := l.NewTable()
	for name, field := range map[string]*[65]int8{
		"sysname": &u.Sysname, "nodename": &u.Nodename, "release": &u.Release, "version": &u.Version,
		"machine": &u.Machine, "domainname": &u.Domainname,
	} {
		var s []byte
		for _, c := range field {
			if c == 0 {
				break
			}
			s = append(s, byte(c)) //nolint:gosec // a char of C
		}
		t.RawSetString(name, lua.LString(s))
	}
	return one(l, t)
}

// resources of getrlimit by their names.
var resources = map[string]int{
	"CORE": syscall.RLIMIT_CORE, "CPU": syscall.RLIMIT_CPU, "DATA": syscall.RLIMIT_DATA, "FSIZE": syscall.RLIMIT_FSIZE,
	"NOFILE": syscall.RLIMIT_NOFILE, "STACK": syscall.RLIMIT_STACK,
}

func posixGetrlimit(l *lua.LState) int {
	resource, ok := resources[l.CheckString(1)]
	if !ok {
		l.Push(lua.LFalse)
		l.Push(lua.LString("invalid-resource"))
		return 2
	}
	var r syscall.Rlimit
	if err := syscall.Getrlimit(resource, &r); err != nil {
		return refused(l, lua.LFalse, err)
	}
	limit := func(n uint64) lua.LValue {
		if n == ^uint64(0) {
			return lua.LString("unlimited")
		}
		return lua.LNumber(n)
	}
	l.Push(lua.LTrue)
	l.Push(limit(r.Cur))
	l.Push(limit(r.Max))
	return 3
}

func posixUmask(l *lua.LState) int {
	mode, err := strconv.ParseUint(l.CheckString(1), 8, 12)
	if err != nil {
		l.ArgError(1, "octal number expected")
	}
	old := syscall.Umask(int(mode))
	return one(l, lua.LString(strconv.FormatInt(int64(old), 8)))
}

// posixAppend appends to an open file, which the universe's io library knows
// how to write.
func posixAppend(l *lua.LState) int {
	file, data := l.Get(1), l.CheckString(2)
	write := l.GetField(file, "write")
	l.Push(write)
	l.Push(file)
	l.Push(lua.LString(data))
	l.Call(2, lua.MultRet)
	n := l.GetTop()
	if n > 2 && l.Get(3) == lua.LNil {
		return n - 2
	}
	l.Push(l.GetField(file, "flush"))
	l.Push(file)
	l.Call(1, 0)
	return one(l, lua.LTrue)
}

// posixMeminfo says how much memory the program has, in bytes.
func posixMeminfo(l *lua.LState) int {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t := l.NewTable()
	free := lua.LNumber(m.HeapIdle - m.HeapReleased)
	for name, n := range map[string]lua.LNumber{
		"allocated": lua.LNumber(m.Sys), "allocated_mmap": 0, "used": lua.LNumber(memory.InUse()), "unused": free, "returnable": free,
	} {
		t.RawSetString(name, n)
	}
	return one(l, t)
}
