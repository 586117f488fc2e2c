// SPDX-License-Identifier: Apache-2.0

package universe

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// leastPatience is how long a task that may not wait holds the lock at least
// for what is outside of the server: a command of the shell, a pipe. It is not
// its own time that passes then, but everybody else's.
const leastPatience = time.Second

// patience is how long what runs now may hold the lock for that; 0: as long as
// it takes.
func (u *Universe) patience() time.Duration {
	limit := u.now.task.Limit
	if limit == 0 {
		limit = u.limit
	}
	if limit < 0 {
		return 0
	}
	return max(limit, leastPatience)
}

// overdue stops what runs, for it has waited for too long.
func (u *Universe) overdue(after time.Duration) {
	u.watch.end(&stopped{u.watch.current, "it has held up all of Lua for " + after.String(), ErrDeadline})
}

// shut stops what runs, for the universe ends.
func (u *Universe) shut() {
	u.watch.end(&stopped{u.watch.current, ErrClosed.Error(), ErrClosed})
}

// await calls fn, which waits for what is outside of the server and knows
// nothing of Lua. A task that may wait lets others in meanwhile; one that may
// not is stopped when its patience ends. Then, and at the end of the universe,
// fn, whose context is done, is left behind on its goroutine.
func (u *Universe) await(l *lua.LState, fn func(ctx context.Context)) {
	f := u.now
	if f.waits {
		var why error
		u.Block(func(ctx context.Context) { why = u.outside(ctx, nil, fn) })
		if why != nil {
			l.RaiseError("the wait has ended: %s", why.Error())
		}
		return
	}
	var late <-chan time.Time
	limit := u.patience()
	if limit > 0 {
		t := time.NewTimer(limit)
		defer t.Stop()
		late = t.C
	}
	switch err := u.outside(context.WithoutCancel(Detach(f.ctx)), late, fn); {
	case err == nil:
		return
	case errors.Is(err, ErrDeadline):
		u.overdue(limit)
	default:
		u.shut()
	}
	(*meter)(u).Step(l, 0)
}

// outside calls fn and waits for it, or for what it returns the reason of.
func (u *Universe) outside(ctx context.Context, late <-chan time.Time, fn func(ctx context.Context)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn(ctx)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-u.closing:
		return ErrClosed
	case <-late:
		return ErrDeadline
	}
}

// shell is a command of the shell. It has a group of processes, which goes with
// ctx as a whole.
func shell(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", line) //nolint:gosec // running what Lua says is what it is for
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return kill(cmd) }
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd
}

func kill(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// stream reads and writes a file as a task does that holds everybody up: what
// does not come in time, from a pipe or a terminal, is an error, and the task is
// stopped.
type stream struct {
	u   *Universe
	f   *os.File
	cmd *exec.Cmd // of io.popen; it is killed then
}

// Read implements [io.Reader].
func (s *stream) Read(p []byte) (n int, err error) {
	s.do(s.f.SetReadDeadline, func() error { n, err = s.f.Read(p); return err })
	return n, err
}

// WriteString implements [io.StringWriter].
func (s *stream) WriteString(text string) (n int, err error) {
	s.do(s.f.SetWriteDeadline, func() error { n, err = s.f.WriteString(text); return err })
	return n, err
}

func (s *stream) do(setDeadline func(time.Time) error, fn func() error) {
	u := s.u
	if setDeadline(time.Time{}) != nil { // a file on a disk
		_ = fn() // the caller has its error
		return
	}
	if u.now.waits {
		u.Block(func(ctx context.Context) { _ = s.until(ctx, setDeadline, fn) }) // the same
		return
	}
	limit := u.patience()
	if limit > 0 && setDeadline(time.Now().Add(limit)) == nil {
		defer func() { _ = setDeadline(time.Time{}) }() // as before
	}
	switch err := s.until(context.Background(), setDeadline, fn); {
	case err != nil && u.closed.Load():
		u.shut()
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.kill()
		u.overdue(limit)
	}
}

// until calls fn, which ends with the context and the universe at the latest.
func (s *stream) until(ctx context.Context, setDeadline func(time.Time) error, fn func() error) error {
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-over:
			return
		case <-ctx.Done():
		case <-s.u.closing:
			s.kill()
		}
		_ = setDeadline(time.Unix(1, 0)) // long ago; it may be closed
	}()
	return fn()
}

// kill ends the command of the stream, if it has one.
func (s *stream) kill() {
	if s.cmd != nil {
		_ = kill(s.cmd) // it may have ended
	}
}
