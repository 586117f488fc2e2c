// SPDX-License-Identifier: Apache-2.0

package guesttest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience is how long a line may take to come.
const patience = 10 * time.Second

// A Log is the file that a server of a test logs to.
type Log struct {
	t    testing.TB
	path string
	from int // lines before are forgotten
}

// NewLog returns the log of a test.
func NewLog(t testing.TB) *Log {
	t.Helper()
	return &Log{t: t, path: filepath.Join(t.TempDir(), "log")}
}

// Option is the option of the config that has a server log to it, from a level
// such as "warn" on.
func (l *Log) Option(level string) string {
	return fmt.Sprintf("\nlog = { { levels = { min = %q }, to = \"file\", filename = %q } }\n", level, l.path)
}

// Forget has the log begin anew.
func (l *Log) Forget() {
	l.t.Helper()
	l.from += len(l.Lines())
}

// Lines are those that have all of the words.
func (l *Log) Lines(words ...string) (found []string) {
	l.t.Helper()
	b, err := os.ReadFile(l.path)
	if err != nil && !os.IsNotExist(err) {
		l.t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		has := n > l.from
		for _, w := range words {
			has = has && strings.Contains(line, w)
		}
		if has {
			found = append(found, line)
		}
	}
	return found
}

// One waits until there is one line that has all of the words, and no other.
func (l *Log) One(words ...string) {
	l.t.Helper()
	defer func() {
		if l.t.Failed() {
			l.t.Logf("the log:\n%s", strings.Join(l.Lines(), ""))
		}
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); len(l.Lines(words...)) == 0; <-tick.C {
		if time.Now().After(end) {
			l.t.Fatalf("no line of the log has %q", words)
		}
	}
	if found := l.Lines(words...); len(found) != 1 {
		l.t.Errorf("%d lines with %q:\n%s", len(found), words, strings.Join(found, ""))
	}
}
