// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	lockName = "tercet.lock"
	dirMode  = 0o750
	fileMode = 0o640
	// applicationID stands in the header of each of our databases: "TRCT".
	applicationID = 0x54524354
	// idOffset is where: https://www.sqlite.org/fileformat2.html 1.3.
	idOffset = 68
)

// besides are the endings of a database's files: itself, its log, and the index
// of the log in shared memory.
var besides = [...]string{"", "-wal", "-shm"}

// prepareFiles makes the folder and an empty file if they are not there, takes
// the lock, and refuses what is not ours to open. Nothing has been written to a
// database when it fails.
//
// The file is made here and not by SQLite, because its log and shared memory
// get the owner and the mode of the database, whatever the umask.
func prepareFiles(path string, warn func(string)) (*lock, error) {
	base := filepath.Base(path)
	if base == "prosody.sqlite" || strings.HasSuffix(base, ".dat") {
		return nil, errors.New("this is a file of Prosody, which is never opened")
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, err
	}
	if err := checkOurs(dir); err != nil {
		return nil, err
	}
	l, err := takeLock(filepath.Join(dir, lockName))
	if err != nil {
		return nil, err
	}
	if err := prepareFile(path); err != nil {
		return nil, errors.Join(err, l.release())
	}
	warnWider(dir, dirMode, warn)
	return l, nil
}

// prepareFile makes an empty file, or looks at the one that is there, and at
// what SQLite has left beside it.
func prepareFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if errors.Is(err, fs.ErrExist) {
		for _, suffix := range besides {
			if err := checkOurs(path + suffix); err != nil && (suffix == "" || !errors.Is(err, fs.ErrNotExist)) {
				return err
			}
		}
		return checkHeader(path)
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// checkOurs refuses what belongs to another user.
func checkOurs(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d, but this server runs as user %d", path, st.Uid, os.Geteuid())
	}
	return nil
}

// checkHeader refuses a file with something else in it. It must not be called
// when the file is open in this process already: closing a file drops SQLite's
// locks on it.
func checkHeader(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	var header [idOffset + 4]byte
	n, err := io.ReadFull(f, header[:])
	if err := f.Close(); err != nil {
		return err
	}
	switch {
	case n == 0 && errors.Is(err, io.EOF): // made, but never written
		return nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case binary.BigEndian.Uint32(header[idOffset:]) != applicationID:
		return errors.New("the file is not a database of this server")
	}
	return nil
}

// warnOfModes warns when the database or the files beside it may be read by others.
func warnOfModes(path string, warn func(string)) {
	for _, suffix := range besides {
		warnWider(path+suffix, fileMode, warn)
	}
}

// warnWider warns when path has bits that mode has not.
func warnWider(path string, mode fs.FileMode, warn func(string)) {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&^mode != 0 {
		warn(fmt.Sprintf("%s has mode %04o, which is wider than %04o: others may read it", path, info.Mode().Perm(), mode))
	}
}

// A lock keeps other servers away from a folder. It is a lock on an open file,
// so it ends with the process, however that ends.
type lock struct{ f *os.File }

func takeLock(path string) (*lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		if err = writePID(f); err == nil {
			return &lock{f}, nil
		}
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("another server has %s open%s", filepath.Dir(path), readPID(f))
	}
	return nil, errors.Join(err, f.Close())
}

// release gives the folder free. The file stays: to remove it would let a third
// server lock a new file while a second one waits with the old one.
func (l *lock) release() error { return l.f.Close() }

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return err
}

// readPID says whose the lock is, for a message.
func readPID(f *os.File) string {
	var b [20]byte
	n, _ := f.ReadAt(b[:], 0)
	if pid := strings.TrimSpace(string(b[:n])); pid != "" {
		return " (process " + pid + ")"
	}
	return ""
}
