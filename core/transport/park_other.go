// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package transport

import (
	"errors"
	"time"
)

// pollSet can not be opened: elsewhere each Conn keeps its goroutine.
type pollSet struct{}

func (*pollSet) open() error                      { return errors.ErrUnsupported }
func (*pollSet) add(uintptr, int32, uint32) error { return errors.ErrUnsupported }
func (*pollSet) remove(uintptr)                   {}
func (*pollSet) wakeAt(time.Time)                 {}
func (*pollSet) wait() (int, error)               { return 0, errors.ErrUnsupported }
func (*pollSet) event(int) (int32, uint32)        { return 0, 0 }
