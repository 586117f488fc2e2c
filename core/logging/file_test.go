// SPDX-License-Identifier: Apache-2.0

package logging_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tercet/core/logging"
)

func TestModeOfFiles(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	s := open(t, lua{"log": lua{"info": "new.log"}, "log_rotate_size": 200})
	check := func(name string, want fs.FileMode) {
		t.Helper()
		if info, err := os.Stat(filepath.Join(s.dir, name)); err != nil || info.Mode() != want {
			t.Errorf("%s: got %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
	check("new.log", 0o640)
	for range 20 {
		s.Slog().Info("some text to fill the file")
	}
	check("new.log", 0o640)
	check("new.log.1", 0o640)
	check("new.log.2", 0o640)
	// What was there keeps the mode that the admin has chosen.
	path := filepath.Join(s.dir, "old.log")
	_ = os.WriteFile(path, []byte("before\n"), 0o600)
	s.Apply(conf(lua{"log": "old.log"}))
	s.Slog().Info("after")
	check("old.log", 0o600)
	if got := s.file("old.log"); !strings.HasPrefix(got, "before\n") || !strings.HasSuffix(got, "after\n") {
		t.Errorf("got %q", got)
	}
}

func TestRotationBySize(t *testing.T) {
	for count, want := range map[int]string{3: "a.log a.log.1 a.log.2 a.log.3", 1: "a.log a.log.1", 0: "a.log"} {
		t.Run(strconv.Itoa(count), func(t *testing.T) {
			s := open(t, lua{"log": "a.log", "log_rotate_size": "1kB", "log_rotate_count": count})
			for i := range 200 {
				s.Slog().Info("line", "n", i)
			}
			var names []string
			entries, _ := os.ReadDir(s.dir)
			next := 199 // lines are whole, in order, none is lost between the files that are kept
			for _, e := range entries {
				names = append(names, e.Name())
				info, _ := e.Info()
				if info.Size() > 1000 {
					t.Errorf("%s has %d bytes", e.Name(), info.Size())
				}
				lines := strings.Split(strings.TrimSuffix(s.file(e.Name()), "\n"), "\n")
				for _, line := range slices.Backward(lines) {
					if !strings.HasSuffix(line, fmt.Sprintf("\tline n=%d", next)) {
						t.Fatalf("%s: got %q, want line %d", e.Name(), line, next)
					}
					next--
				}
			}
			if got := strings.Join(names, " "); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestRotationByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, lua{"log": "a.log", "log_rotate_age": "1 day"})
		s.Slog().Info("one") // midnight, 1 January 2000 in UTC
		_, offset := time.Now().Local().Zone()
		time.Sleep(24*time.Hour - time.Duration(offset)*time.Second - time.Minute)
		s.Slog().Info("two")
		time.Sleep(2 * time.Minute)
		s.Slog().Info("three")
		s.Slog().Info("four")
		a, b := s.file("a.log"), s.file("a.log.1")
		if !strings.HasSuffix(a, "\tfour\n") || strings.Count(a, "\n") != 2 || !strings.Contains(b, "\ttwo\n") {
			t.Errorf("got %q, before %q", a, b)
		}
	})
}

// A folder that is read-only for us: writing goes on, and is said once.
func TestRotationThatFails(t *testing.T) {
	s := open(t, lua{"log": "a.log", "log_rotate_size": 100, "log_rotate_count": 1})
	_ = os.MkdirAll(filepath.Join(s.dir, "a.log.1", "not empty"), 0o755) // can not be renamed over
	for i := range 10 {
		s.Slog().Info("a line of some length", "n", i)
	}
	if got := s.file("a.log"); strings.Count(got, "\n") != 10 {
		t.Errorf("got %q", got)
	}
	if got := s.stderr.take(); strings.Count(got, "log: file a.log: rotate: ") != 1 {
		t.Errorf("console: %q", got)
	}
}

func TestReopen(t *testing.T) {
	s := open(t, lua{"log": "a.log"})
	s.Slog().Info("one")
	_ = os.Rename(filepath.Join(s.dir, "a.log"), filepath.Join(s.dir, "moved"))
	s.Slog().Info("two")
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	s.Slog().Info("three")
	if a, b := s.file("a.log"), s.file("moved"); !strings.HasSuffix(a, "\tthree\n") || strings.Count(a, "\n") != 1 || !strings.HasSuffix(b, "\ttwo\n") {
		t.Errorf("got %q and %q", a, b)
	}
}

// A full disk: told once, and once when it works again.
func TestWriteErrors(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	s := open(t, lua{"log": lua{"info": "a.log"}})
	_ = os.Remove(filepath.Join(s.dir, "a.log"))
	_ = os.Symlink("/dev/full", filepath.Join(s.dir, "a.log"))
	_ = s.Reopen()
	allLevels(s.Slog())
	if got := s.stderr.take(); strings.Count(got, "no space left on device") != 1 {
		t.Errorf("console: %q", got)
	}
	_ = os.Remove(filepath.Join(s.dir, "a.log"))
	_ = s.Reopen()
	allLevels(s.Slog())
	if got := s.stderr.take(); strings.Count(got, "works again") != 1 || levelsIn(s.file("a.log")) != "iwe" {
		t.Errorf("console: %q, file %q", got, s.file("a.log"))
	}
}

// Many goroutines log while files are rotated, reopened and configs applied:
// no line is lost or cut.
func TestHammer(t *testing.T) {
	const workers, each = 4, 500
	s := open(t, lua{"log": "a.log", "log_rotate_size": "64kB", "log_rotate_count": 100})
	ctx, cancel := context.WithCancel(t.Context())
	follow := s.Follow(ctx, slog.LevelDebug)
	followed := 0
	var reader sync.WaitGroup
	reader.Go(func() {
		for e := range follow {
			if e.Source == "w" {
				followed++
			}
		}
	})
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			l := s.Slog().With("module", "w", "worker", w)
			for i := range each {
				l.Info("line", "n", i)
				if i%50 == 0 {
					s.Tail(10)
				}
			}
		})
	}
	for i := range 20 {
		_ = s.Reopen()
		s.SetDebug(i%2 == 0)
		s.Apply(conf(lua{"log": "a.log", "log_rotate_size": "64kB", "log_rotate_count": 100}))
	}
	wg.Wait()
	cancel()
	reader.Wait()
	seen := make(map[string]int)
	files, _ := filepath.Glob(filepath.Join(s.dir, "a.log*"))
	for _, f := range files {
		for line := range strings.Lines(s.file(filepath.Base(f))) {
			_, rest, ok := strings.Cut(line, "w\tinfo\tline ")
			if !ok || !strings.HasSuffix(rest, "\n") {
				t.Fatalf("%s: %q", f, line)
			}
			seen[rest]++
		}
	}
	if len(seen) != workers*each {
		t.Errorf("%d lines of %d", len(seen), workers*each)
	}
	if followed == 0 || followed > workers*each {
		t.Errorf("followed %d lines", followed)
	}
}

func TestTail(t *testing.T) {
	s := open(t, lua{"log": "*nowhere"})
	if got := s.Tail(5); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	for i := range 1500 {
		s.Slog().With("module", "m").Warn("line", "n", i, "token", "x")
	}
	s.Slog().Debug("nobody wants this")
	got := s.Tail(3)
	if len(got) != 3 || got[0].Text != "line n=1497 token=[redacted]" || got[2].Text != "line n=1499 token=[redacted]" {
		t.Errorf("got %v", got)
	}
	if e := got[2]; e.Level != slog.LevelWarn || e.Source != "m" || time.Since(e.Time) > time.Minute || !strings.HasSuffix(e.String(), " m\twarn\tline n=1499 token=[redacted]") {
		t.Errorf("got %+v: %s", e, e)
	}
	if all := s.Tail(1 << 30); len(all) != 1000 || all[0].Text != "line n=500 token=[redacted]" {
		t.Errorf("got %d entries, first %v", len(all), all[0])
	}
	if none := s.Tail(-1); len(none) != 0 {
		t.Errorf("got %v", none)
	}
	s.Slog().Info("x", "long", strings.Repeat("x", 1<<20))
	if e := s.Tail(1)[0]; len(e.Text) > 4096 {
		t.Errorf("an entry of %d bytes is kept", len(e.Text))
	}
}

func TestFollow(t *testing.T) {
	s := open(t, lua{"log": []any{lua{"to": "console", "levels": []any{"info"}}}})
	ctx, cancel := context.WithCancel(t.Context())
	all, errs := s.Follow(ctx, slog.LevelDebug), s.Follow(ctx, slog.LevelError)
	allLevels(s.Slog())
	if got := levelsIn(s.stderr.take()); got != "i" {
		t.Errorf("console: got %q", got)
	}
	for _, want := range []string{"d", "i", "w", "e"} {
		if e := <-all; e.Text != want {
			t.Errorf("got %v, want %s", e, want)
		}
	}
	if e := <-errs; e.Text != "e" {
		t.Errorf("got %v, want e", e)
	}
	// A reader that does not read loses lines, stops nobody, and is told.
	for range 1000 {
		s.Slog().Info("x")
	}
	n := 0
	for len(all) > 0 {
		<-all
		n++
	}
	s.Slog().Info("y")
	if e := <-all; e.Text != fmt.Sprintf("%d lines were lost", 1000-n) || e.Level != slog.LevelWarn {
		t.Errorf("got %v, %d were read", e, n)
	}
	if e := <-all; e.Text != "y" {
		t.Errorf("got %v, want y", e)
	}
	cancel()
	for range all { // ends
	}
	for range errs {
	}
	for end := time.Now().Add(5 * time.Second); s.Slog().Enabled(t.Context(), slog.LevelDebug); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("debug lines are still made")
		}
	}
}

func TestSyslog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	daemon := func() *net.UnixConn {
		c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		return c
	}
	read := func(c *net.UnixConn) string {
		t.Helper()
		b := make([]byte, 1024)
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	c := daemon()
	var stderr buffer
	l, problems := logging.Open(conf(lua{"log": []any{lua{"to": "syslog", "syslog_name": "xmpp", "syslog_facility": "local3"}}}),
		logging.Options{Syslog: path, Stderr: &stderr})
	if len(problems) > 0 {
		t.Error(problems)
	}
	defer func() { _ = l.Close() }()
	log := l.Slog().With("module", "c2s")
	for level, severity := range map[slog.Level]int{slog.LevelDebug: 7, slog.LevelInfo: 6, slog.LevelWarn: 4, slog.LevelError: 3} {
		log.Log(t.Context(), level, "hello\nworld", "stack", "a\nb")
		got := read(c)
		head := fmt.Sprintf("<%d>", 19*8+severity)
		tail := fmt.Sprintf(` xmpp[%d]: c2s: hello\nworld stack= | a | b`, os.Getpid())
		if !strings.HasPrefix(got, head) || !strings.HasSuffix(got, tail) {
			t.Errorf("got %q, want %q...%q", got, head, tail)
		}
		if _, err := time.Parse(time.Stamp, got[len(head):len(got)-len(tail)]); err != nil {
			t.Error(err)
		}
	}
	// The daemon is restarted: nothing is lost. It is gone: lines are, and
	// that is told to the console at once and to it later.
	_ = c.Close()
	_ = os.Remove(path)
	c = daemon()
	log.Info("to the new one")
	if got := read(c); !strings.HasSuffix(got, "to the new one") {
		t.Errorf("got %q", got)
	}
	_ = c.Close()
	_ = os.Remove(path)
	log.Info("lost")
	log.Info("lost")
	if got := stderr.take(); strings.Count(got, "no syslog daemon listens") != 1 {
		t.Errorf("console: %q", got)
	}
	c = daemon()
	time.Sleep(1100 * time.Millisecond) // it is looked for once a second
	log.Info("found")
	if a, b := read(c), read(c); !strings.HasSuffix(a, "logging: 2 lines were lost") || !strings.HasSuffix(b, "found") {
		t.Errorf("got %q, %q", a, b)
	}
	if got := stderr.take(); !strings.Contains(got, "syslog works again") {
		t.Errorf("console: %q", got)
	}
}

// A daemon that listens and does not read holds nobody up.
func TestSyslogThatDoesNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	var stderr buffer
	l, _ := logging.Open(conf(lua{"log": "*syslog"}), logging.Options{Syslog: path, Stderr: &stderr})
	defer func() { _ = l.Close() }()
	start := time.Now()
	for range 300 {
		l.Slog().Info("x", "long", strings.Repeat("x", 4000))
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("300 lines took %s", took)
	}
	if got := stderr.take(); !strings.Contains(got, "syslog") {
		t.Errorf("console: %q", got)
	}
}

const journalEnv = "TERCET_TEST_JOURNAL"

func TestMain(m *testing.M) {
	if os.Getenv(journalEnv) != "" { // a server whose stderr is the journal
		l, _ := logging.Open(conf(nil), logging.Options{})
		l.Slog().With("module", "c2s").Warn("hello", "stack", "a\nb")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestJournal(t *testing.T) {
	for _, right := range []bool{true, false} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		info, _ := w.Stat()
		st := info.Sys().(*syscall.Stat_t)
		inode := st.Ino
		if !right { // inherited from a service, but stderr was redirected since
			inode++
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), journalEnv+"=1", fmt.Sprintf("JOURNAL_STREAM=%d:%d", st.Dev, inode))
		cmd.Stderr = w
		err = cmd.Run()
		_ = w.Close()
		b := make([]byte, 4096)
		n, _ := r.Read(b)
		got := string(b[:n])
		if want := "<4>c2s\twarn\thello stack= | a | b\n"; err != nil || (got == want) != right {
			t.Errorf("journal %v: got %q, %v", right, got, err)
		}
		if !right && !strings.HasSuffix(got, " c2s\twarn\thello stack=\n\ta\n\tb\n") {
			t.Errorf("got %q", got)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add("msg", "key", "value")
	f.Add("<body>hi</body>", "a\nb", "password=x")
	f.Fuzz(func(t *testing.T, msg, key, value string) {
		if key == "stack" {
			return
		}
		s := open(t, plain(nil))
		s.Slog().With("source", value).Info(msg, key, value) //nolint:sloglint // this is what is tested
		got := s.stderr.take()
		if strings.Count(got, "\n") != 1 || !strings.HasSuffix(got, "\n") || strings.ContainsAny(got, "\x00\x1b\r\x7f") {
			t.Errorf("got %q", got)
		}
		if strings.Count(got, "\t") != 2 {
			t.Errorf("columns: %q", got)
		}
	})
}

func BenchmarkInfo(b *testing.B) {
	l, _ := logging.Open(conf(lua{"log": "a.log"}), logging.Options{Dir: b.TempDir()})
	defer func() { _ = l.Close() }()
	log := l.Slog().With("host", "example.org", "module", "c2s")
	b.ReportAllocs()
	for b.Loop() {
		log.Info("client authenticated", "jid", "romeo@example.org/orchard", "mechanism", "SCRAM-SHA-256", "tls", true)
	}
}

func BenchmarkDisabled(b *testing.B) {
	l, _ := logging.Open(conf(lua{"log": "a.log"}), logging.Options{Dir: b.TempDir()})
	defer func() { _ = l.Close() }()
	log := l.Slog().With("module", "c2s")
	b.ReportAllocs()
	for b.Loop() {
		log.Debug("stanza", "id", "x")
	}
}
