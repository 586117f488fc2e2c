// SPDX-License-Identifier: Apache-2.0

package core

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"tercet/config"
)

const dirMode, fileMode = 0o750, 0o640

// dataPath is where the data directory is or will be. A relative path is
// relative to the config.
func dataPath(c *config.Config, path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.Dir, path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("data_path: %w", err)
	}
	return path, nil
}

// dataDir makes the data directory, which must be ours and writable.
func dataDir(c *config.Config, path string) (string, error) {
	path, err := dataPath(c, path)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(path, dirMode); err != nil {
		return "", fmt.Errorf("data_path: %w", err)
	}
	if err := unix.Access(path, unix.W_OK|unix.X_OK); err != nil {
		return "", fmt.Errorf("data_path %s: not writable by user %d: %w", path, os.Geteuid(), err)
	}
	return path, nil
}

// A dirLock keeps a second server off a data directory.
type dirLock struct{ f *os.File }

// errInUse says that a server runs on the data directory.
var errInUse = errors.New("another server holds the data directory")

const lockName = "tercet.lock"

func lockDir(dir string) (*dirLock, error) {
	name := filepath.Join(dir, lockName)
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", dir, errInUse)
		}
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return &dirLock{f}, nil
}

func (l *dirLock) release() {
	if l != nil {
		_ = l.f.Close() // the lock goes with the descriptor
	}
}

// tooWide lists what others may read below the data directory.
func tooWide(dir string) []string {
	var wide []string
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // see above
		}
		info, err := d.Info()
		if err == nil && info.Mode().Type()&(fs.ModeSymlink|fs.ModeSocket) == 0 && info.Mode().Perm()&0o007 != 0 {
			wide = append(wide, fmt.Sprintf("%s has mode %04o", path, info.Mode().Perm()))
		}
		return nil
	})
	return wide
}

// missing lists what is in a and not in b, in order.
func missing(a, b map[string]bool) []string {
	list := []string{}
	for s := range a {
		if !b[s] {
			list = append(list, s)
		}
	}
	slices.Sort(list)
	return list
}
