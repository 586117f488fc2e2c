// SPDX-License-Identifier: Apache-2.0

package main

import "syscall"

// lateBind lets many loopback source addresses share the port range.
func lateBind(_, _ string, c syscall.RawConn) error {
	const ipBindAddressNoPort = 24
	return c.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, ipBindAddressNoPort, 1)
	})
}
