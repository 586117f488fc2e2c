// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"syscall"

	"modernc.org/sqlite"

	"tercet/core/storage"
)

// errClosed is what a store of a closed database answers.
var errClosed = fmt.Errorf("%w: it is closed", storage.ErrUnavailable)

// Result codes, https://www.sqlite.org/rescode.html
const (
	codeBusy      = 5
	codeLocked    = 6
	codeInterrupt = 9
	codeIO        = 10
	codeFull      = 13
	codeIOShmSize = codeIO | 19<<8
)

// classify makes errors of SQLite errors that callers of storage ask about.
func classify(err error) error {
	var e *sqlite.Error
	switch {
	case err == nil, errors.Is(err, storage.ErrFull), errors.Is(err, storage.ErrUnavailable):
		return err
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		errors.Is(err, sql.ErrConnDone), errors.Is(err, driver.ErrBadConn):
		return storage.Unavailable(err)
	case !errors.As(err, &e):
		return err
	}
	switch e.Code() & 0xff {
	case codeFull:
		return fmt.Errorf("%w: %w", storage.ErrFull, err)
	case codeBusy, codeLocked, codeInterrupt:
		return storage.Unavailable(err)
	case codeIO:
		if e.Code() == codeIOShmSize { // the index of the log could not grow
			return fmt.Errorf("%w: %w", storage.ErrFull, err)
		}
		return storage.Unavailable(err)
	}
	return err
}

// classifyWrite is classify for a transaction that failed. SQLite tells a full
// disk from other failures, but a quota that is used up is an I/O error to it.
func classifyWrite(err error, dir string) error {
	err = classify(err)
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code()&0xff == codeIO && !errors.Is(err, storage.ErrFull) {
		if cause := tryWrite(dir); errors.Is(cause, syscall.EDQUOT) || errors.Is(cause, syscall.ENOSPC) {
			return fmt.Errorf("%w: %w: %w", storage.ErrFull, cause, e)
		}
	}
	return err
}

// tryWrite writes a small file into dir and removes it.
func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, "tercet-try-")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 64<<10))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// spoils reports whether a connection should not be used again after err.
func spoils(err error) bool {
	return err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) && !errors.Is(err, storage.ErrNotFound)
}
