// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package control

import "net"

// Trusted relies on the mode of the socket's file where the kernel does not
// say who the peer is.
func Trusted(net.Conn) (uid int, ok bool, err error) { return -1, true, nil }
