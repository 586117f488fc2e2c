// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestOpenSSL has a client that can do what crypto/tls can not: ask for new
// keys in TLS 1.3, which the reader answers by a write of its own, and for a
// renegotiation in TLS 1.2, which is refused.
func TestOpenSSL(t *testing.T) {
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl")
	}
	tests := []struct {
		name, option string
		version      uint16
		command      string // of s_client, at the start of a line of its own
		done         string // what it says about it
		good         bool
	}{
		{"key update", "-tls1_3", tls.VersionTLS13, "K\n", "KEYUPDATE", true},
		{"key update, one way", "-tls1_3", tls.VersionTLS13, "k\n", "KEYUPDATE", true},
		{"renegotiation", "-tls1_2", tls.VersionTLS12, "R\n", "RENEGOTIATING", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			client := exec.CommandContext(t.Context(), path, "s_client", "-connect", l.Addr().String(), tt.option)
			in, err := client.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			said := make(watcher, 1000)
			client.Stdout, client.Stderr = said, said // one pipe
			if err := client.Start(); err != nil {
				t.Fatal(err)
			}
			ours, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			c := New(ours, Options{})
			if err := c.DirectTLS(t.Context(), serverTLS(tt.version)); err != nil {
				t.Fatal(err)
			}
			go func() { // each line waits for what the one before has done
				_, _ = io.WriteString(in, "first\n")
				said.until("first\n")
				_, _ = io.WriteString(in, tt.command)
				said.until(tt.done)
				_, _ = io.WriteString(in, "second\n")
			}()
			got := ""
			within(t, 20*time.Second, "the talk", func() {
				err = pump(c, 1000, func(p []byte) {
					_, _ = c.Append(p)
					if got += string(p); tt.good && got == "first\nsecond\n" {
						c.End(errTest)
					}
				}, c.Flush)
			})
			if (got == "first\nsecond\n") != tt.good || errors.Is(err, errTest) != tt.good {
				t.Errorf("got %q, ended with %v", got, err)
			}
			_ = c.Close()
			_ = client.Process.Kill()
			_ = client.Wait()
		})
	}
}

// watcher hands on what a process writes.
type watcher chan string

func (w watcher) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}

// until reads on until s comes, or nothing more.
func (w watcher) until(s string) {
	seen := ""
	for !strings.Contains(seen, s) {
		select {
		case p := <-w:
			seen += p
		case <-time.After(10 * time.Second):
			return
		}
	}
}
