// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestStartTLS(t *testing.T) {
	const request = "<starttls/>"
	tests := []struct {
		name   string
		same   string // sent in the segment of the request
		later  string // sent after <proceed/>, before the ClientHello
		buffer int    // of the server's parser: small ones leave bytes in the Conn
		want   error
	}{
		{"good", "", "", 1000, nil},
		{"plaintext in the same segment, in the parser", "<auth/>", "", 1000, ErrPlaintextAfterStartTLS},
		{"plaintext in the same segment, in the conn", "<auth/>", "", len(request), ErrPlaintextAfterStartTLS},
		{"white space", "\n", "", len(request), ErrPlaintextAfterStartTLS},
		{"plaintext in a later segment", "", "<auth/>", 1000, ErrPlaintextAfterStartTLS},
		{"one byte in a later segment", "", " ", 1000, ErrPlaintextAfterStartTLS},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for name, on := range everywhere() {
				t.Run(name, func(t *testing.T) {
					kind, version := on.kind, on.version
					if version == 0 {
						return
					}
					c, peer := newPair(t, kind, 0, Options{})
					got := make(chan error, 1)
					go func() {
						err := startClient(peer, request+tt.same, tt.later)
						if err != nil {
							_ = peer.Close()
						}
						got <- err
					}()
					if err := c.Wait(); err != nil {
						t.Fatal(err)
					}
					buf := make([]byte, tt.buffer)
					n, err := c.Read(buf)
					if err != nil || n < len(request) {
						t.Fatalf("request: %q, %v", buf[:n], err)
					}
					if _, err := c.Append([]byte("<proceed/>")); err != nil {
						t.Fatal(err)
					}
					within(t, 5*time.Second, "StartTLS", func() {
						err = c.StartTLS(t.Context(), serverTLS(version), buf[len(request):n])
					})
					if !errors.Is(err, tt.want) {
						t.Fatalf("StartTLS: %v, want %v", err, tt.want)
					}
					if tt.want == nil {
						if err := <-got; err != nil {
							t.Fatal(err)
						}
						if s, ok := c.TLS(); !ok || s.Version != version || s.ServerName != "example.org" {
							t.Errorf("state %v, %+v", ok, s)
						}
						if err := c.StartTLS(t.Context(), serverTLS(version)); !errors.Is(err, errTLSTwice) {
							t.Errorf("second StartTLS: %v", err)
						}
						return
					}
					if _, ok := c.TLS(); ok {
						t.Error("there is TLS after a failed handshake")
					}
					if _, err := c.Append([]byte("secret")); !errors.Is(err, ErrClosed) {
						t.Errorf("append after a failed handshake: %v", err)
					}
					if err := c.Wait(); err == nil {
						t.Error("Wait goes on after a failed handshake")
					}
					_ = c.Close()
					_ = peer.Close()
					if err := <-got; err == nil {
						t.Error("the client's handshake succeeds")
					}
				})
			}
		})
	}
}

func startClient(peer net.Conn, request, later string) error {
	if _, err := io.WriteString(peer, request); err != nil {
		return err
	}
	b := make([]byte, len("<proceed/>"))
	if _, err := io.ReadFull(peer, b); err != nil {
		return err
	}
	if later != "" {
		if _, err := io.WriteString(peer, later); err != nil {
			return err
		}
	}
	s := tls.Client(peer, clientTLS())
	return s.Handshake()
}

// TestOthersDuringHandshake appends from elsewhere while the handshake runs:
// nothing of it may leave in plain.
func TestOthersDuringHandshake(t *testing.T) {
	for name, on := range everywhere() {
		t.Run(name, func(t *testing.T) {
			kind, version := on.kind, on.version
			if version == 0 {
				return
			}
			c, peer := newPair(t, kind, 0, Options{})
			done := make(chan struct{})
			go func() {
				defer close(done)
				time.Sleep(10 * time.Millisecond) // the handshake waits for the ClientHello by now
				if _, err := c.Append([]byte("secret")); err != nil {
					t.Error(err)
				}
				c.Flush()
				s := tls.Client(peer, clientTLS())
				if got := readFull(t, s, 6); string(got) != "secret" {
					t.Errorf("got %q", got)
				}
			}()
			if err := c.DirectTLS(t.Context(), serverTLS(version)); err != nil {
				t.Fatal(err)
			}
			<-done
			eventually(t, "an empty outbox", func() bool { return c.Queued() == 0 })
		})
	}
}

// TestHandshakeEnds has clients that say nothing.
func TestHandshakeEnds(t *testing.T) {
	ways := map[string]func(*Conn, context.CancelFunc){
		"context":  func(_ *Conn, cancel context.CancelFunc) { cancel() },
		"End":      func(c *Conn, _ context.CancelFunc) { c.End(errTest) },
		"deadline": func(c *Conn, _ context.CancelFunc) { _ = c.SetReadDeadline(time.Now()) },
	}
	for name, end := range ways {
		for _, kind := range kinds {
			t.Run(name+"/"+kind, func(t *testing.T) {
				c, _ := newPair(t, kind, 0, Options{})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go func() {
					time.Sleep(20 * time.Millisecond)
					end(c, cancel)
				}()
				within(t, 5*time.Second, "the handshake", func() {
					err := c.StartTLS(ctx, serverTLS(0))
					if err == nil || name == "End" && !errors.Is(err, errTest) || name == "context" && !errors.Is(err, context.Canceled) {
						t.Errorf("StartTLS: %v", err)
					}
					_ = c.Close()
				})
			})
		}
	}
}

// TestAlertArrives has a client without a common version: it must see our
// alert, not a reset.
func TestAlertArrives(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			c, peer := newPair(t, kind, 0, Options{})
			done := make(chan error, 1)
			go func() {
				cfg := clientTLS()
				cfg.MaxVersion = tls.VersionTLS12
				done <- tls.Client(peer, cfg).Handshake()
				_ = peer.Close()
			}()
			if err := c.DirectTLS(t.Context(), serverTLS(tls.VersionTLS13)); err == nil {
				t.Error("no error")
			}
			_ = c.Close()
			if err := <-done; err == nil || !strings.Contains(err.Error(), "protocol version") {
				t.Errorf("the client sees %v", err)
			}
		})
	}
}

// TestClient is the initiating side against crypto/tls with session tickets,
// which come after the handshake as records without data.
func TestClient(t *testing.T) {
	for name, on := range everywhere() {
		t.Run(name, func(t *testing.T) {
			kind, version := on.kind, on.version
			if version == 0 {
				return
			}
			c, peer := newPair(t, kind, 0, Options{})
			go func() {
				s := tls.Server(peer, serverTLS(version))
				if _, err := io.Copy(s, s); err != nil {
					t.Error(err)
				}
				_ = s.Close()
			}()
			if err := c.ClientTLS(t.Context(), clientTLS()); err != nil {
				t.Fatal(err)
			}
			send(t, c, []byte("echo"))
			var got []byte
			err := pump(c, 100, func(p []byte) {
				if got = append(got, p...); string(got) == "echo" {
					c.End(errTest)
				}
			}, nothing)
			if !errors.Is(err, errTest) || string(got) != "echo" {
				t.Errorf("%q, %v", got, err)
			}
			_ = c.Close()
		})
	}
}

// TestClientPlaintext has a server that talks before the ClientHello.
func TestClientPlaintext(t *testing.T) {
	c, peer := newPair(t, "tcp", 0, Options{})
	if _, err := peer.Write([]byte("<proceed/><features/>")); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := c.ClientTLS(t.Context(), clientTLS()); !errors.Is(err, ErrPlaintextAfterStartTLS) {
		t.Errorf("ClientTLS: %v", err)
	}
}

// FuzzHandshake feeds a server anything as the client's side of STARTTLS.
func FuzzHandshake(f *testing.F) {
	gone, _ := net.Pipe()
	_ = gone.Close()
	hello := &holder{Conn: gone, on: true}
	_ = tls.Client(hello, clientTLS()).HandshakeContext(f.Context())
	f.Add(hello.b)
	f.Add([]byte("<auth/>"))
	f.Add([]byte{22, 3, 1, 0, 0})
	f.Add([]byte{22, 3, 1, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		ours, theirs := net.Pipe()
		c := New(ours, Options{})
		go func() {
			_, _ = theirs.Write(b)
			_ = theirs.Close()
		}()
		within(t, 5*time.Second, "a handshake", func() {
			if c.StartTLS(t.Context(), serverTLS(0)) == nil {
				t.Error("a handshake succeeded without a client")
			}
			_ = c.Close()
		})
	})
}
