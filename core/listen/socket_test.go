// SPDX-License-Identifier: Apache-2.0

package listen_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tercet/core/ext"
	"tercet/core/listen"
	"tercet/core/metric"
)

// seen is what a handler was told about its connection.
type seen struct {
	info          listen.Info
	local, remote net.Addr
	line          string
}

// record hands on what the handler sees, and the first line.
func record(to chan<- seen) listen.Handler {
	return func(_ context.Context, c net.Conn, info listen.Info) {
		defer c.Close()
		b := make([]byte, 64)
		n, _ := c.Read(b)
		to <- seen{info, c.LocalAddr(), c.RemoteAddr(), string(b[:n])}
	}
}

func TestProxy(t *testing.T) {
	const header, header2 = "PROXY TCP4 192.0.2.7 198.51.100.2 12345 5222\r\n", "PROXY TCP4 192.0.2.8 198.51.100.2 1 5222\r\n"
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	tests := []struct {
		name    string
		trusted []netip.Prefix
		send    string
		remote  string // "" is the socket's
		line    string
		refused bool
	}{
		{"trusted", loopback, header + "hello", "192.0.2.7:12345", "hello", false},
		{"trusted, speaks for itself", loopback, "PROXY UNKNOWN\r\nhello", "", "hello", false},
		{"trusted, no header", loopback, "<?xml version='1.0'?><stream:stream>", "", "", true},
		{"trusted, silent", loopback, "", "", "", true},
		{"trusted, slow", loopback, header[:20], "", "", true},
		{"not trusted", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, header, "", header, false},
		{"nobody is trusted", nil, header, "", header, false},
		{"only one header is read", loopback, header + header2, "192.0.2.7:12345", header2, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := metric.New()
			w := newWorld(t, listen.RegistryOptions{Metrics: m})
			s := w.stage()
			spec := anyPort
			spec.Proxy = &listen.ProxyOptions{Trusted: tt.trusted, Timeout: 100 * time.Millisecond}
			got := make(chan seen, 1)
			w.listen(s, spec, record(got))
			w.swap(nil, s)
			c := dial(t, "tcp", w.address())
			_, _ = io.WriteString(c, tt.send)
			if tt.refused {
				if _, err := c.Read(make([]byte, 1)); err == nil || isTimeout(err) {
					t.Errorf("not closed: %v", err)
				}
				refused := m.Counter("connections_refused", "", metric.Label{Name: "service", Value: "c2s"}, metric.Label{Name: "reason", Value: "no proper PROXY header"})
				eventually(t, "counted", func() bool { return refused.Value() == 1 && w.reg.List()[0].Connections == 0 })
				return
			}
			g := <-got
			want, proxied := c.LocalAddr().String(), tt.remote != ""
			if proxied {
				want = tt.remote
			}
			if g.info.Remote.String() != want || g.remote.String() != want || g.line != tt.line || g.info.Proxied != proxied {
				t.Errorf("got %+v, want from %s: %q", g, want, tt.line)
			}
			if proxied && (g.info.Via.String() != c.LocalAddr().String() || g.info.Local.String() != "198.51.100.2:5222" || g.local.String() != "198.51.100.2:5222") {
				t.Errorf("got %+v", g)
			}
		})
	}
}

// The limits count the address that the proxy tells, not the proxy.
func TestLimitsBehindProxy(t *testing.T) {
	w := newWorld(t, listen.RegistryOptions{})
	s := w.stage()
	spec := anyPort
	spec.MaxPerAddress = 1
	spec.Proxy = &listen.ProxyOptions{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
	w.listen(s, spec, func(_ context.Context, c net.Conn, _ listen.Info) {
		fmt.Fprintln(c, "in")
		_, _ = io.Copy(io.Discard, c)
		c.Close()
	})
	w.swap(nil, s)
	from := func(host string) net.Conn {
		c := dial(t, "tcp", w.address())
		fmt.Fprintf(c, "PROXY TCP4 %s 198.51.100.2 1 2\r\n", host)
		return c
	}
	first, other := from("192.0.2.1"), from("192.0.2.2")
	if a, b := readLine(t, first), readLine(t, other); a != "in" || b != "in" {
		t.Errorf("got %q, %q", a, b)
	}
	if _, err := from("192.0.2.1").Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("the second one from one address: %v", err)
	}
	first.Close()
	eventually(t, "closed", func() bool { return w.reg.List()[0].Connections == 1 })
	if got := readLine(t, from("192.0.2.1")); got != "in" {
		t.Errorf("got %q", got)
	}
	other.Close()
}

// Close does not wait for a proxy that says nothing.
func TestCloseWhileAHeaderIsAwaited(t *testing.T) {
	w := newWorld(t, listen.RegistryOptions{})
	s := w.stage()
	spec := anyPort
	spec.Proxy = &listen.ProxyOptions{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: time.Hour}
	w.listen(s, spec, func(context.Context, net.Conn, listen.Info) { t.Error("served without a header") })
	w.swap(nil, s)
	c := dial(t, "tcp", w.address())
	eventually(t, "accepted", func() bool { return w.reg.List()[0].Connections == 1 })
	w.close(s)
	if _, err := c.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("not closed: %v", err)
	}
	if err := w.reg.Listen(s, anyPort, says("")); !errors.Is(err, ext.ErrClosed) {
		t.Errorf("listen for a closed scope: %v", err)
	}
}

func TestLimitPerAddress(t *testing.T) {
	var log lockedBuffer
	m := metric.New()
	w := newWorld(t, listen.RegistryOptions{Metrics: m, Log: slog.New(slog.NewTextHandler(&log, nil))})
	s := w.stage()
	spec := anyPort
	spec.MaxPerAddress, spec.MaxHandshakes = 2, 7
	conns := make(chan net.Conn, 4)
	w.listen(s, spec, func(_ context.Context, c net.Conn, info listen.Info) {
		for range 7 {
			if !info.Handshakes.TryEnter() {
				t.Error("no place in the gate")
			}
		}
		for range 7 {
			info.Handshakes.Leave()
		}
		conns <- c
	})
	w.swap(nil, s)
	dial(t, "tcp", w.address())
	server := <-conns
	dial(t, "tcp", w.address())
	<-conns
	for range 3 {
		c, err := net.Dial("tcp", w.address())
		if err == nil { // the reset came after the handshake
			c.SetDeadline(time.Now().Add(5 * time.Second))
			_, err = c.Read(make([]byte, 1))
			c.Close()
		}
		if err == nil || isTimeout(err) {
			t.Errorf("the third one is not refused: %v", err)
		}
	}
	server.Close()
	dial(t, "tcp", w.address())
	<-conns
	if n := m.Counter("connections_refused", "", metric.Label{Name: "service", Value: "c2s"},
		metric.Label{Name: "reason", Value: "too many from one address"}).Value(); n != 3 {
		t.Errorf("refused: got %d, want 3", n)
	}
	if text := log.String(); strings.Count(text, "connections refused") != 1 {
		t.Errorf("log: got %s", text)
	}
}

// lockedBuffer is written by several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// Without file descriptors the accept loop waits, does not spin, and goes on as
// soon as a connection is closed.
func TestOutOfFileDescriptors(t *testing.T) {
	m := metric.New()
	var log lockedBuffer
	w := newWorld(t, listen.RegistryOptions{Metrics: m, AcceptRetry: time.Hour, Log: slog.New(slog.NewTextHandler(&log, nil))})
	s := w.stage()
	conns := make(chan net.Conn, 2)
	w.listen(s, anyPort, func(_ context.Context, c net.Conn, _ listen.Info) { conns <- c })
	w.swap(nil, s)
	dial(t, "tcp", w.address())
	first := <-conns
	late, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0) // opened while there still are some
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(late) }()
	restore := exhaust(t)
	to := netip.MustParseAddrPort(w.address())
	if err := unix.Connect(late, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}); err != nil {
		restore()
		t.Fatal(err)
	}
	failures := m.Counter("accept_errors", "")
	eventually(t, "an error of accept", func() bool { return failures.Value() > 0 })
	time.Sleep(50 * time.Millisecond)
	if n := failures.Value(); n != 1 {
		t.Errorf("accept was tried %d times", n)
	}
	first.Close()
	select {
	case <-conns:
	case <-time.After(5 * time.Second):
		t.Error("not accepted after a connection was closed")
	}
	restore()
	if text := log.String(); !strings.Contains(text, "too many open files") || !strings.Contains(text, "accepting again") {
		t.Errorf("log: %s", text)
	}
}

// exhaust lowers the limit so that no descriptor is left.
func exhaust(t *testing.T) (restore func()) {
	t.Helper()
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	const limit = 256 // above all that are open by now
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	var taken []int
	for {
		fd, err := unix.Dup(0)
		if err != nil {
			break
		}
		taken = append(taken, fd)
	}
	return func() {
		for _, fd := range taken {
			_ = unix.Close(fd)
		}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
			t.Error(err)
		}
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	spec := listen.Spec{Service: "admin", Network: "unix", Address: path, Mode: 0o600, Private: true}
	w := newWorld(t, listen.RegistryOptions{})
	old, fresh := w.stage(), w.stage()
	got := make(chan seen, 1)
	w.listen(old, spec, record(got))
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("got %v, %v, want a socket with 0600", info.Mode(), err)
	}
	w.swap(nil, old)
	c := dial(t, "unix", path)
	_, _ = io.WriteString(c, "hi")
	if g := <-got; g.line != "hi" || g.info.Remote.IsValid() || g.info.Proxied {
		t.Errorf("got %+v", g)
	}
	spec.Mode = 0
	w.listen(fresh, spec, says("fresh"))
	w.swap(old, fresh)
	w.close(old)
	if got := readLine(t, dial(t, "unix", path)); got != "fresh" {
		t.Errorf("after the reload: got %s", got)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("got %v, %v, want 0660", info, err)
	}
	err = newWorld(t, listen.RegistryOptions{}).reg.Listen(w.stage(), spec, says(""))
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second server: got %v", err)
	}
	w.close(fresh)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is left: %v", err)
	}
}

func TestUnixSocketBehindProxy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	w := newWorld(t, listen.RegistryOptions{})
	s := w.stage()
	got := make(chan seen, 1)
	w.listen(s, listen.Spec{Service: "c2s", Network: "unix", Address: path, Proxy: &listen.ProxyOptions{}}, record(got))
	w.swap(nil, s)
	_, _ = io.WriteString(dial(t, "unix", path), "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\nhi")
	if g := <-got; g.line != "hi" || g.info.Remote.String() != "[2001:db8::1]:1" || g.remote.String() != "[2001:db8::1]:1" || g.info.Via.IsValid() || !g.info.Proxied {
		t.Errorf("got %+v", g)
	}
}

func TestUnixSocketFiles(t *testing.T) {
	dir := t.TempDir()
	stale, file := filepath.Join(dir, "stale"), filepath.Join(dir, "file")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	_ = ln.Close() // as a server that was killed
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, listen.RegistryOptions{})
	s := w.stage()
	spec := listen.Spec{Service: "admin", Network: "unix", Address: file}
	if err := w.reg.Listen(s, spec, says("")); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("over a file: got %v", err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "precious" {
		t.Errorf("the file: %q, %v", b, err)
	}
	spec.Address = stale
	w.listen(s, spec, says("new"))
	w.swap(nil, s)
	if got := readLine(t, dial(t, "unix", stale)); got != "new" {
		t.Errorf("got %s", got)
	}
	// A file that somebody else has put there by now is not ours to remove.
	_ = os.Remove(stale)
	_ = os.WriteFile(stale, []byte("precious"), 0o600)
	w.close(s)
	if b, err := os.ReadFile(stale); err != nil || string(b) != "precious" {
		t.Errorf("the file: %q, %v", b, err)
	}
}
