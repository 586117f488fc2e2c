// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"context"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// bindBeside binds an address that overlaps with those of ours. SO_REUSEPORT is
// set for that moment, and on our sockets only: a second server that starts
// beside this one finds the address in use, as ever.
func bindBeside(ctx context.Context, cfg *net.ListenConfig, at place, ours []net.Listener) (net.Listener, error) {
	for _, ln := range ours {
		if err := onListener(ln, func(fd int) error { return reusePort(fd, 1) }); err != nil {
			return nil, err
		}
		defer onListener(ln, func(fd int) error { return reusePort(fd, 0) }) //nolint:errcheck // it could be set
	}
	beside := *cfg
	beside.Control = func(_, _ string, c syscall.RawConn) error {
		return onConn(c, func(fd int) error { return reusePort(fd, 1) })
	}
	ln, err := beside.Listen(ctx, at.network, at.address)
	if err != nil {
		return nil, err
	}
	if err := onListener(ln, func(fd int) error { return reusePort(fd, 0) }); err != nil {
		_ = ln.Close() // the other error says more
		return nil, err
	}
	return ln, nil
}

func reusePort(fd, on int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, on))
}

// narrow sets the mode with which bind(2) makes a unix socket's file, so that
// it is at no time open to more than it should be.
func narrow(c syscall.RawConn, mode os.FileMode) error {
	return onConn(c, func(fd int) error { return os.NewSyscallError("fchmod", unix.Fchmod(fd, uint32(mode.Perm()))) })
}

// setBacklog calls listen(2) again, which changes the limit only.
func setBacklog(ln net.Listener, n int) error {
	return onListener(ln, func(fd int) error { return os.NewSyscallError("listen", unix.Listen(fd, n)) })
}

func onListener(ln net.Listener, fn func(fd int) error) error {
	c, ok := ln.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	return onConn(raw, fn)
}

func onConn(c syscall.RawConn, fn func(fd int) error) error {
	var inner error
	if err := c.Control(func(fd uintptr) { inner = fn(int(fd)) }); err != nil {
		return err
	}
	return inner
}
