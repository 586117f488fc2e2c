// SPDX-License-Identifier: Apache-2.0

package control

import (
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Trusted reports who is at the other end of a unix socket, and whether it is
// root or the user that this process runs as: the kernel vouches for it, beside
// the mode of the socket's file.
func Trusted(c net.Conn) (uid int, ok bool, err error) {
	sc, is := c.(syscall.Conn)
	if !is {
		return -1, false, fmt.Errorf("peer of the control socket: %T has no descriptor", c)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return -1, false, fmt.Errorf("peer of the control socket: %w", err)
	}
	var cred *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return -1, false, fmt.Errorf("peer of the control socket: %w", err)
	}
	if failed != nil {
		return -1, false, fmt.Errorf("peer of the control socket: %w", failed)
	}
	return int(cred.Uid), cred.Uid == 0 || int(cred.Uid) == os.Geteuid(), nil
}
