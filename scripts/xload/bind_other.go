// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import "syscall"

// lateBind is for Linux, as the measuring is; elsewhere xload only compiles.
func lateBind(string, string, syscall.RawConn) error { return nil }
