// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"

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

// brief is what is copied within a few microseconds.
const brief = 64 << 10

// transfer is recvfrom(2) or sendto(2) on a non-blocking socket. The scheduler
// need not hear of what can not block. Its hearing costs little under load, but
// in a process that was at rest it wakes a thread of the runtime, which finds
// nothing to do: a third of what a message then costs. A long copy is told all
// the same, so that others can go on meanwhile.
//
//nolint:gosec // G103: the pointer is the kernel's for as long as the call takes; G115: n is at most len(p)
func transfer(trap, fd uintptr, p []byte, flags uintptr) (int, syscall.Errno) {
	for {
		var n uintptr
		var err syscall.Errno
		if len(p) <= brief {
			n, _, err = syscall.RawSyscall6(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
		} else {
			n, _, err = syscall.Syscall6(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
		}
		if err != syscall.EINTR {
			return int(n), err
		}
	}
}

// readFD is one read of a non-blocking socket; again says that it is empty.
func readFD(fd uintptr, p []byte) (n int, again bool, err error) {
	n, no := transfer(unix.SYS_RECVFROM, fd, p, 0)
	switch {
	case no == syscall.EAGAIN:
		return 0, true, nil
	case no != 0:
		return 0, false, os.NewSyscallError("recv", no)
	case n == 0:
		return 0, false, io.EOF
	}
	return n, false, nil
}

// writeFD is one send(2) to a non-blocking socket; 0, nil says that it is full.
// A peer that has hung up is an error and no SIGPIPE, which costs more than
// the call.
func writeFD(fd uintptr, p []byte) (int, error) {
	n, no := transfer(unix.SYS_SENDTO, fd, p, unix.MSG_NOSIGNAL)
	switch {
	case no == syscall.EAGAIN:
		return 0, nil
	case no != 0:
		return 0, os.NewSyscallError("send", no)
	}
	return n, nil
}
