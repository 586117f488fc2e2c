// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"crypto/tls"
	"io"
	"net"
	"os/exec"
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
		say          []string // lines; K and R at the start of one are commands
		want         string
		good         bool
	}{
		{"key update", "-tls1_3", tls.VersionTLS13, []string{"one\n", "K\n", "two\n", "k\n", "K\n", "three\n"}, "one\ntwo\nthree\n", true},
		{"renegotiation", "-tls1_2", tls.VersionTLS12, []string{"one\n", "R\n"}, "one\n", false},
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
			go func() {
				for _, line := range tt.say {
					time.Sleep(50 * time.Millisecond) // a command begins a read(2) of the client
					_, _ = io.WriteString(in, line)
				}
			}()
			got := ""
			within(t, 20*time.Second, "the talk", func() {
				err = pump(c, 1000, func(p []byte) {
					_, _ = c.Append(p)
					if got += string(p); tt.good && got == tt.want {
						c.End(errTest)
					}
				}, c.Flush)
			})
			if got != tt.want || (err == errTest) != tt.good { //nolint:errorlint // the very value
				t.Errorf("got %q, ended with %v", got, err)
			}
			_ = c.Close()
			_ = client.Process.Kill()
			_ = client.Wait()
		})
	}
}
