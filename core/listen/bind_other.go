// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package listen

import (
	"context"
	"net"
	"os"
	"syscall"
)

// bindBeside is known to work on Linux only; elsewhere the old address has to
// be given up first.
func bindBeside(context.Context, *net.ListenConfig, place, []net.Listener) (net.Listener, error) {
	return nil, syscall.EADDRINUSE
}

// narrow is left to the umask, and to chmod(2) after bind(2).
func narrow(syscall.RawConn, os.FileMode) error { return nil }

// setBacklog leaves the kernel's limit.
func setBacklog(net.Listener, int) error { return nil }
