// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"errors"
	"math"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// systemLibraries is the libraries about the machine.
func systemLibraries() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"lfs":         openFiles,
		"util.pposix": openPosix,
		"util.time": library(map[string]lua.LGFunction{
			"now":       func(l *lua.LState) int { return one(l, now()) },
			"monotonic": func(l *lua.LState) int { return one(l, lua.LNumber(time.Since(started).Seconds())) },
		}),
		"util.net": library(map[string]lua.LGFunction{
			"pton": netPton, "ntop": netNtop, "local_addresses": netLocal,
		}),
		"util.table": library(map[string]lua.LGFunction{
			"create": func(l *lua.LState) int { return one(l, l.NewTable()) },
			"pack":   tablePack,
			"move":   tableMove,
		}),
		"util.compat": library(map[string]lua.LGFunction{"xpcall": globalXpcall}),
		"util.xpcall": library(map[string]lua.LGFunction{"xpcall": globalXpcall}),
		"util.signal": openSignal,
		"socket":      openSocket,
		"socket.core": openSocket,
	}
}

// started is what monotonic times count from.
var started = time.Now()

func now() lua.LNumber {
	return lua.LNumber(float64(time.Now().UnixMicro()) / 1e6)
}

// refused pushes what a system call says when it fails: nil, words, errno.
func refused(l *lua.LState, first lua.LValue, err error) int {
	l.Push(first)
	pushReason(l, err)
	var errno syscall.Errno
	_ = errors.As(err, &errno) // 0 if it is none
	l.Push(lua.LNumber(errno))
	return 3
}

// pushReason pushes the words alone.
func pushReason(l *lua.LState, err error) int {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return one(l, lua.LString(errnoText(errno)))
	}
	return one(l, lua.LString(err.Error()))
}

// errnoText is the text of C's strerror, which begins with a capital.
func errnoText(errno syscall.Errno) string {
	s := errno.Error()
	if s != "" && s[0] >= 'a' && s[0] <= 'z' {
		s = string(s[0]-0x20) + s[1:]
	}
	return s
}

func netPton(l *lua.LState) int {
	a, err := netip.ParseAddr(l.CheckString(1))
	if err != nil || a.Zone() != "" {
		return one(l, lua.LNil)
	}
	return one(l, lua.LString(a.AsSlice()))
}

func netNtop(l *lua.LState) int {
	a, ok := netip.AddrFromSlice([]byte(l.CheckString(1)))
	if !ok {
		return refused(l, lua.LNil, syscall.EAFNOSUPPORT)
	}
	return one(l, lua.LString(a.String()))
}

// netLocal returns the addresses of this machine: of one family ("ipv4",
// "ipv6", "both"), with those that reach only the link if that is asked for.
func netLocal(l *lua.LState) int {
	family, ok := optString(l, 1)
	if !ok {
		family = "both"
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return failed(l, err.Error())
	}
	t := l.NewTable()
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		ip := prefix.Addr()
		if ip.IsLoopback() || ip.IsLinkLocalUnicast() && !checkFlag(l, 2) ||
			family == "ipv4" && !ip.Is4() || family == "ipv6" && ip.Is4() {
			continue
		}
		t.Append(lua.LString(ip.String()))
	}
	return one(l, t)
}

func tablePack(l *lua.LState) int {
	n := l.GetTop()
	t := l.CreateTable(n, 1)
	for i := range n {
		t.RawSetInt(i+1, l.Get(i+1))
	}
	t.RawSetString("n", lua.LNumber(n))
	return one(l, t)
}

// tableMove copies a range of one table to a place in it or another.
func tableMove(l *lua.LState) int {
	from, first, last, at := l.CheckTable(1), checkInt(l, 2), checkInt(l, 3), checkInt(l, 4)
	to := from
	if l.Get(5) != lua.LNil {
		to = l.CheckTable(5)
	}
	const most = 1 << 24
	if last-first > most || math.Abs(float64(at)) > 1<<40 {
		l.RaiseError("too many elements to move")
	}
	if at > first && at <= last && to == from {
		for i := last; i >= first; i-- {
			to.RawSetInt(at+i-first, from.RawGetInt(i))
		}
		return one(l, to)
	}
	for i := first; i <= last; i++ {
		to.RawSetInt(at+i-first, from.RawGetInt(i))
	}
	return one(l, to)
}

// globalXpcall calls the xpcall of the universe, which passes arguments on.
func globalXpcall(l *lua.LState) int {
	n := l.GetTop()
	l.Insert(l.GetGlobal("xpcall"), 1)
	l.Call(n, lua.MultRet)
	return l.GetTop()
}

// openSocket is what modules use of LuaSocket without talking to anybody.
// Connections belong to net.server.
func openSocket(l *lua.LState) int {
	t := tableOf(l, map[string]lua.LGFunction{
		"gettime": func(l *lua.LState) int { return one(l, now()) },
	})
	t.RawSetString("dns", tableOf(l, map[string]lua.LGFunction{
		"gethostname": func(l *lua.LState) int {
			name, err := os.Hostname()
			if err != nil {
				return failed(l, err.Error())
			}
			return one(l, lua.LString(name))
		},
	}))
	t.RawSetString("_VERSION", lua.LString("tercet"))
	l.Push(t)
	return 1
}

// signals by their names.
var signals = map[string]syscall.Signal{
	"SIGABRT": syscall.SIGABRT, "SIGALRM": syscall.SIGALRM, "SIGBUS": syscall.SIGBUS, "SIGCHLD": syscall.SIGCHLD,
	"SIGCONT": syscall.SIGCONT, "SIGFPE": syscall.SIGFPE, "SIGHUP": syscall.SIGHUP, "SIGILL": syscall.SIGILL,
	"SIGINT": syscall.SIGINT, "SIGIO": syscall.SIGIO, "SIGKILL": syscall.SIGKILL, "SIGPIPE": syscall.SIGPIPE,
	"SIGPROF": syscall.SIGPROF, "SIGQUIT": syscall.SIGQUIT, "SIGSEGV": syscall.SIGSEGV, "SIGSTOP": syscall.SIGSTOP,
	"SIGSYS": syscall.SIGSYS, "SIGTERM": syscall.SIGTERM, "SIGTRAP": syscall.SIGTRAP, "SIGTTIN": syscall.SIGTTIN,
	"SIGTTOU": syscall.SIGTTOU, "SIGURG": syscall.SIGURG, "SIGUSR1": syscall.SIGUSR1, "SIGUSR2": syscall.SIGUSR2,
	"SIGWINCH": syscall.SIGWINCH, "SIGXCPU": syscall.SIGXCPU, "SIGXFSZ": syscall.SIGXFSZ,
}

// openSignal is util.signal: numbers, and kill. What the server does at a
// signal is its own affair, so that a module can not set a handler.
func openSignal(l *lua.LState) int {
	send := func(l *lua.LState, pid int, n int) int {
		var sig syscall.Signal
		switch v := l.Get(n).(type) {
		case lua.LNumber:
			sig = syscall.Signal(whole(float64(v)))
		default:
			var ok bool
			if sig, ok = signals[l.CheckString(n)]; !ok {
				l.ArgError(n, "invalid signal string")
			}
		}
		if err := syscall.Kill(pid, sig); err != nil {
			return refused(l, lua.LNil, err)
		}
		return one(l, lua.LTrue)
	}
	t := tableOf(l, map[string]lua.LGFunction{
		"kill":  func(l *lua.LState) int { return send(l, checkInt(l, 1), 2) },
		"raise": func(l *lua.LState) int { return send(l, os.Getpid(), 1) },
		"signal": func(l *lua.LState) int {
			l.RaiseError("the server handles signals itself; hook config-reloaded or server-stopping instead")
			return 0
		},
	})
	for name, sig := range signals {
		t.RawSetString(name, lua.LNumber(sig))
	}
	return one(l, t)
}
