// SPDX-License-Identifier: Apache-2.0

package logging

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

// fileMode is that of new log files, whatever the umask.
const fileMode = 0o640

// rotation says when a file is rotated, and how many old ones are kept. Zero
// sizes and ages are never.
type rotation struct {
	size  int64
	age   time.Duration
	count int
}

// file is a log file, which several sinks may share.
type file struct {
	path string

	mu     sync.Mutex // guards what follows
	f      *os.File   // nil: could not be opened, or closed
	size   int64
	last   time.Time // of the last line
	rotate rotation
	stuck  bool // rotating failed: not tried again before reopen
}

// open opens the file if it is not open, and takes the rule of rotation.
func (f *file) open(r rotation) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rotate = r
	if f.f != nil {
		return nil
	}
	return f.openLocked()
}

// openLocked opens the file for appending. A file that was there keeps its
// mode: the admin has chosen it.
func (f *file) openLocked() error {
	const flags = os.O_WRONLY | os.O_APPEND
	fresh, err := os.OpenFile(f.path, flags, 0)
	if errors.Is(err, fs.ErrNotExist) {
		fresh, err = os.OpenFile(f.path, flags|os.O_CREATE|os.O_EXCL, fileMode)
		if err == nil {
			err = fresh.Chmod(fileMode)
		}
	}
	if err != nil {
		return fmt.Errorf("open log file: %w", err)
	}
	info, err := fresh.Stat()
	if err != nil {
		_ = fresh.Close() // the other error says more
		return fmt.Errorf("open log file: %w", err)
	}
	f.f, f.size, f.last, f.stuck = fresh, info.Size(), info.ModTime(), false
	if !info.Mode().IsRegular() { // a FIFO, a terminal
		f.stuck = true
	}
	return nil
}

// reopen opens the path anew; if that fails the old file stays.
func (f *file) reopen() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.f
	if err := f.openLocked(); err != nil {
		return err
	}
	if old == nil {
		return nil
	}
	return old.Close()
}

func (f *file) write(n *line, whole []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.f == nil {
		return nil // said when it could not be opened
	}
	var failed error
	if f.due(n.at, len(whole)) {
		if failed = f.rotateLocked(); failed != nil {
			f.stuck = true
		}
	}
	written, err := f.f.Write(whole)
	f.size += int64(written)
	f.last = n.at
	return errors.Join(failed, err)
}

// due reports whether the file is rotated before the next line.
func (f *file) due(now time.Time, more int) bool {
	if f.stuck || f.size == 0 {
		return false
	}
	r := f.rotate
	return r.size > 0 && f.size+int64(more) > r.size || r.age > 0 && r.period(now) != r.period(f.last)
}

// period numbers the periods of local time, so that daily files begin at
// midnight.
func (r rotation) period(t time.Time) int64 {
	_, offset := t.Local().Zone()
	return (t.Unix() + int64(offset)) / max(int64(r.age/time.Second), 1)
}

// rotateLocked renames x.log to x.log.1, x.log.1 to x.log.2, ..., and opens a
// new x.log. The files keep their modes.
func (f *file) rotateLocked() error {
	name := func(n int) string { return fmt.Sprintf("%s.%d", f.path, n) }
	if f.rotate.count == 0 {
		if err := os.Remove(f.path); err != nil {
			return fmt.Errorf("rotate: %w", err)
		}
	}
	for n := f.rotate.count - 1; n > 0; n-- {
		if err := os.Rename(name(n), name(n+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotate: %w", err)
		}
	}
	if f.rotate.count > 0 {
		if err := os.Rename(f.path, name(1)); err != nil {
			return fmt.Errorf("rotate: %w", err)
		}
	}
	old := f.f
	if err := f.openLocked(); err != nil {
		return fmt.Errorf("rotate: %w", err)
	}
	return old.Close()
}

func (f *file) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.f == nil {
		return nil
	}
	err := f.f.Close()
	f.f = nil
	return err
}
