// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// pollEvents is how many a pollSet hands out at once.
const pollEvents = 128

// pollSet is an epoll(7) set. The runtime's own poller watches it, so that its
// goroutine waits like one that reads, without a thread.
type pollSet struct {
	fd     int
	file   *os.File
	raw    syscall.RawConn
	events [pollEvents]syscall.EpollEvent
	n      int
	err    error
}

func (s *pollSet) open() error {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if err = syscall.SetNonblock(fd, true); err != nil { // else os.NewFile does not let the runtime watch it
		_ = syscall.Close(fd) // the other error says more
		return os.NewSyscallError("fcntl", err)
	}
	s.fd, s.file = fd, os.NewFile(uintptr(fd), "epoll")
	if err = s.file.SetReadDeadline(time.Time{}); err == nil { // it is watched
		s.raw, err = s.file.SyscallConn()
	}
	if err != nil {
		_ = s.file.Close() // the other error says more
	}
	return err
}

// add watches a socket for one event. What it has already is one.
func (s *pollSet) add(fd uintptr, index int32, turn uint32) error {
	ev := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLONESHOT, Fd: index, Pad: int32(turn)} //nolint:gosec // bits
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(s.fd, syscall.EPOLL_CTL_ADD, int(fd), &ev))
}

// remove takes out a socket that was added.
func (s *pollSet) remove(fd uintptr) {
	_ = syscall.EpollCtl(s.fd, syscall.EPOLL_CTL_DEL, int(fd), nil) // fails for what is not in it
}

// wakeAt has wait return at t, with or without events; zero: never.
func (s *pollSet) wakeAt(t time.Time) { _ = s.file.SetReadDeadline(t) } // the file is open

// wait returns how many events there are; os.ErrDeadlineExceeded says that the
// time has come, which RawConn.Read says without a look: those whose time comes
// again and again must not hide the others.
func (s *pollSet) wait() (int, error) {
	s.n, s.err = 0, nil
	err := s.raw.Read(s.look)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		_ = s.raw.Control(func(fd uintptr) { s.look(fd) }) // the file is open
	}
	if err == nil {
		err = s.err
	}
	return s.n, err
}

// look runs within RawConn.Read; see Conn.fillFD.
func (s *pollSet) look(fd uintptr) bool {
	n, err := syscall.EpollWait(int(fd), s.events[:], 0)
	if err != nil {
		s.err = os.NewSyscallError("epoll_wait", err)
		return true
	}
	s.n = n
	return n > 0
}

// event is whose the event k of the last wait is.
func (s *pollSet) event(k int) (index int32, turn uint32) {
	return s.events[k].Fd, uint32(s.events[k].Pad) //nolint:gosec // bits
}
