// SPDX-License-Identifier: Apache-2.0

//go:build unix

package listen

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// firstInherited is SD_LISTEN_FDS_START.
const firstInherited = 3

// Inherited takes the sockets that systemd passed (LISTEN_PID, LISTEN_FDS) and
// unsets these variables. Call it once, first of all. The error names sockets
// that can not be used; the others are returned beside it.
func Inherited() (Activated, error) {
	pid, count := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"} {
		if err := os.Unsetenv(name); err != nil {
			return nil, err
		}
	}
	if pid != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > 1024 {
		return nil, fmt.Errorf("inherit sockets: LISTEN_FDS is %q", count)
	}
	all := make(Activated, n)
	var errs []error
	for fd := firstInherited; fd < firstInherited+n; fd++ {
		unix.CloseOnExec(fd)
		f := os.NewFile(uintptr(fd), "inherited "+strconv.Itoa(fd))
		keys, err := keysOf(fd, f)
		if err != nil {
			errs = append(errs, fmt.Errorf("inherit socket %d: %w", fd, err))
			_ = f.Close() // it was of no use
			continue
		}
		for _, key := range keys {
			all[key] = f
		}
	}
	return all, errors.Join(errs...)
}

// keysOf returns the places at which the socket listens. One that is bound to
// "::" for both families is at two.
func keysOf(fd int, f *os.File) ([]string, error) {
	on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return nil, os.NewSyscallError("getsockopt", err)
	}
	if on == 0 {
		return nil, errors.New("it does not listen for streams")
	}
	ln, err := net.FileListener(f) // on a copy of the descriptor
	if err != nil {
		return nil, err
	}
	defer func() { _ = ln.Close() }() // a copy
	switch addr := ln.Addr().(type) {
	case *net.UnixAddr:
		return []string{place{network: "unix", address: strings.TrimSuffix(addr.Name, "\x00")}.key()}, nil
	case *net.TCPAddr:
		at := addr.AddrPort()
		keys := []string{placeOf(netip.AddrPortFrom(at.Addr().Unmap(), at.Port())).key()}
		only, err := unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
		if err == nil && only == 0 && at.Addr().IsUnspecified() {
			keys = append(keys, placeOf(netip.AddrPortFrom(netip.IPv4Unspecified(), at.Port())).key())
		}
		return keys, nil
	}
	return nil, syscall.EAFNOSUPPORT
}
