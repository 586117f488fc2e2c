// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// rawConn gives access to the socket below c, nil if c is none. The types are
// asked for exactly: a wrapper may embed a socket and read it its own way. One
// that does not, such as listen's, says so by its method Socket.
func rawConn(c net.Conn) syscall.RawConn {
	var raw syscall.RawConn
	var err error
	switch s := c.(type) {
	case *net.TCPConn:
		raw, err = s.SyscallConn()
	case *net.UnixConn:
		if s.LocalAddr().Network() != "unix" { // datagrams have other rules for short reads
			return nil
		}
		raw, err = s.SyscallConn()
	case interface{ Socket() net.Conn }:
		return rawConn(s.Socket())
	default:
		return nil
	}
	if err != nil {
		return nil
	}
	return raw
}

// readFD is one read(2) of a non-blocking socket; again says that it is empty.
func readFD(fd uintptr, p []byte) (n int, again bool, err error) {
	for {
		n, err = syscall.Read(int(fd), p)
		switch {
		case err == nil && n == 0:
			return 0, false, io.EOF
		case err == nil:
			return n, false, nil
		case errors.Is(err, syscall.EAGAIN):
			return 0, true, nil
		case !errors.Is(err, syscall.EINTR):
			return 0, false, os.NewSyscallError("read", err)
		}
	}
}

// writeFD is one send(2) to a non-blocking socket; 0, nil says that it is full.
// A peer that has hung up is an error and no SIGPIPE, which costs more than
// the call.
func writeFD(fd uintptr, p []byte) (int, error) {
	for {
		n, err := unix.SendmsgN(int(fd), p, nil, nil, unix.MSG_NOSIGNAL)
		switch {
		case err == nil:
			return n, nil
		case errors.Is(err, syscall.EAGAIN):
			return 0, nil
		case !errors.Is(err, syscall.EINTR):
			return 0, os.NewSyscallError("send", err)
		}
	}
}
