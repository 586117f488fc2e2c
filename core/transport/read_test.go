// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestBigData sends much in both directions at once and compares hashes.
func TestBigData(t *testing.T) {
	const size = 3 << 20
	everywhere(t, func(t *testing.T, kind string, version uint16) {
		c, peer := newPair(t, kind, version, Options{})
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(rand.Uint32())
		}
		want := sha256.Sum256(data)
		var wg sync.WaitGroup
		wg.Go(func() { // they send in odd pieces
			for rest := data; len(rest) > 0; {
				n := min(len(rest), 1+rand.IntN(40000))
				if _, err := peer.Write(rest[:n]); err != nil {
					t.Error(err)
					return
				}
				rest = rest[n:]
			}
		})
		wg.Go(func() { // they read
			h := sha256.New()
			if _, err := io.CopyN(h, peer, size); err != nil {
				t.Error(err)
			}
			if !bytes.Equal(h.Sum(nil), want[:]) {
				t.Error("what we sent came out different")
			}
		})
		wg.Go(func() { // somebody else's goroutine sends for us
			for rest := data; len(rest) > 0; {
				n := min(len(rest), 1+rand.IntN(40000))
				dirty, err := c.Append(rest[:n])
				if err != nil {
					t.Error(err)
					return
				}
				if dirty {
					c.Flush()
				}
				rest = rest[n:]
			}
		})
		h, got := sha256.New(), 0
		for got < size {
			if err := c.Wait(); err != nil {
				t.Fatal(err)
			}
			for buf := make([]byte, 1+rand.IntN(20000)); ; {
				n, err := c.Read(buf)
				if errors.Is(err, ErrAgain) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				h.Write(buf[:n])
				got += n
			}
		}
		wg.Wait()
		if !bytes.Equal(h.Sum(nil), want[:]) {
			t.Error("what they sent came out different")
		}
	})
}

// drip writes one byte at a time.
type drip struct{ net.Conn }

func (d drip) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := d.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

func TestByteAtATime(t *testing.T) {
	everywhere(t, func(t *testing.T, kind string, version uint16) {
		ours, theirs := connPair(t, kind)
		c, peer := shake(t, New(ours, Options{}), drip{theirs}, version)
		want := bytes.Repeat([]byte("<message/>"), 50)
		go func() {
			for p := range slices.Chunk(want, 100) {
				if _, err := peer.Write(p); err != nil {
					t.Error(err)
				}
			}
			peer.Close()
		}()
		var got []byte
		if err := pump(c, 64, func(p []byte) { got = append(got, p...) }, nothing); !errors.Is(err, io.EOF) {
			t.Errorf("ended with %v, want io.EOF", err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("got %d bytes, want %d", len(got), len(want))
		}
	})
}

// TestRecordsTogether has records, a part of one, and the rest come in one
// segment each: Drained is true only when no whole record is left.
func TestRecordsTogether(t *testing.T) {
	ours, theirs := connPair(t, "tcp")
	hold := &holder{Conn: theirs}
	c, peer := shake(t, New(ours, Options{}), hold, tls.VersionTLS13)
	hold.on = true
	for range 3 {
		if _, err := peer.Write([]byte("0123456789")); err != nil {
			t.Fatal(err)
		}
	}
	cut := len(hold.b) - 7
	if _, err := theirs.Write(hold.b[:cut]); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	for i, drained := range []bool{false, true} {
		n, err := c.Read(buf)
		if n != 10 || err != nil || c.Drained() != drained {
			t.Fatalf("record %d: %d, %v, drained %v", i, n, err, c.Drained())
		}
	}
	if _, err := c.Read(buf); !errors.Is(err, ErrAgain) {
		t.Fatalf("a part of a record reads %v, want ErrAgain", err)
	}
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("Wait with a part of a record: %v", err)
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := theirs.Write(hold.b[cut:]); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"0123", "4567", "89"} { // into a small buffer
		n, err := c.Read(buf[:4])
		if string(buf[:n]) != want || err != nil {
			t.Fatalf("got %q, %v, want %q", buf[:n], err, want)
		}
		if c.Drained() != (want == "89") {
			t.Fatalf("after %q drained is %v", want, c.Drained())
		}
	}
}

// holder keeps what is written once it is on.
type holder struct {
	net.Conn
	on bool
	b  []byte
}

func (h *holder) Write(p []byte) (int, error) {
	if !h.on {
		return h.Conn.Write(p)
	}
	h.b = append(h.b, p...)
	return len(p), nil
}

// SetWriteDeadline keeps crypto/tls from stopping all writes after close_notify.
func (h *holder) SetWriteDeadline(time.Time) error { return nil }

// TestEnds lists the ways in which a peer leaves, each after one message.
func TestEnds(t *testing.T) {
	type leave func(t *testing.T, raw net.Conn, peer net.Conn, hold *holder)
	flush := func(t *testing.T, raw net.Conn, hold *holder, n int) {
		if _, err := raw.Write(hold.b[:n]); err != nil {
			t.Error(err)
		}
	}
	tests := []struct {
		name       string
		plain, tls error
		leave      leave
	}{
		{"good end in the same segment", io.EOF, io.EOF, func(t *testing.T, raw, peer net.Conn, hold *holder) {
			if s, ok := peer.(*tls.Conn); ok {
				if err := s.CloseWrite(); err != nil {
					t.Error(err)
				}
			}
			flush(t, raw, hold, len(hold.b))
			raw.Close()
		}},
		{"close_notify without FIN", nil, io.EOF, func(t *testing.T, raw, peer net.Conn, hold *holder) {
			if err := peer.(*tls.Conn).CloseWrite(); err != nil {
				t.Error(err)
			}
			flush(t, raw, hold, len(hold.b))
		}},
		{"FIN glued to a whole record", io.EOF, io.ErrUnexpectedEOF, func(t *testing.T, raw, _ net.Conn, hold *holder) {
			flush(t, raw, hold, len(hold.b))
			raw.Close()
		}},
		{"FIN glued to a part of a record", nil, io.ErrUnexpectedEOF, func(t *testing.T, raw, peer net.Conn, hold *holder) {
			if _, err := peer.Write([]byte("lost")); err != nil {
				t.Error(err)
			}
			flush(t, raw, hold, len(hold.b)-3)
			raw.Close()
		}},
		{"FIN later", io.EOF, io.ErrUnexpectedEOF, func(t *testing.T, raw, _ net.Conn, hold *holder) {
			flush(t, raw, hold, len(hold.b))
			time.Sleep(30 * time.Millisecond)
			raw.Close()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, kind string, version uint16) {
				want := tt.tls
				if version == 0 {
					if want = tt.plain; want == nil {
						return
					}
				}
				ours, theirs := connPair(t, kind)
				hold := &holder{Conn: theirs}
				c, peer := shake(t, New(ours, Options{}), hold, version)
				hold.on = true
				if version == 0 {
					peer = hold
				}
				if _, err := peer.Write([]byte("hello")); err != nil {
					t.Fatal(err)
				}
				done := make(chan struct{})
				go func() { defer close(done); tt.leave(t, theirs, peer, hold) }()
				var got []byte
				within(t, 5*time.Second, "the end", func() {
					err := pump(c, 100, func(p []byte) { got = append(got, p...) }, nothing)
					if err != want { //nolint:errorlint // the contract is these very values
						t.Errorf("ended with %v, want %v", err, want)
					}
					if err := c.Wait(); err != want { //nolint:errorlint // as above
						t.Errorf("Wait after the end: %v, want %v", err, want)
					}
				})
				<-done
				if string(got) != "hello" {
					t.Errorf("got %q before the end", got)
				}
			})
		})
	}
}

// TestWakeUp plays ping-pong between two Conns with random pauses: a lost
// wake-up hangs it.
func TestWakeUp(t *testing.T) {
	rounds := 4000
	if testing.Short() {
		rounds = 400
	}
	everywhere(t, func(t *testing.T, kind string, version uint16) {
		ours, theirs := connPair(t, kind)
		a, b := twoConns(t, ours, theirs, version)
		play := func(c *Conn, first bool) error {
			n := 0
			if first {
				n++
				if _, err := c.Append([]byte{0}); err != nil {
					return err
				}
				c.Flush()
			}
			err := pump(c, 16, func(p []byte) {
				for range p {
					if n++; n > rounds {
						c.End(io.EOF)
						return
					}
					for range rand.IntN(200) {
						if n%2 == 0 {
							_ = c.Queued()
						}
					}
					_, _ = c.Append([]byte{byte(n)})
				}
			}, c.Flush)
			_ = c.Close()
			return err
		}
		within(t, 60*time.Second, "ping-pong", func() {
			var wg sync.WaitGroup
			wg.Go(func() { _ = play(a, true) })
			wg.Go(func() { _ = play(b, false) })
			wg.Wait()
		})
	})
}

// twoConns makes a Conn of both ends; the second is the client of TLS.
func twoConns(t testing.TB, ours, theirs net.Conn, version uint16) (a, b *Conn) {
	t.Helper()
	a, b = New(ours, Options{}), New(theirs, Options{})
	t.Cleanup(func() { a.Close(); b.Close() })
	if version == 0 {
		return a, b
	}
	done := make(chan error, 1)
	go func() { done <- b.ClientTLS(t.Context(), clientTLS()) }()
	if err := a.DirectTLS(t.Context(), serverTLS(version)); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return a, b
}

func TestReadDeadline(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			c, peer := newPair(t, kind, 0, Options{})
			set := func(d time.Duration) {
				if err := c.SetReadDeadline(time.Now().Add(d)); err != nil {
					t.Fatal(err)
				}
			}
			wait := func(least time.Duration) {
				t.Helper()
				start := time.Now()
				if err := c.Wait(); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatalf("Wait: %v", err)
				}
				if d := time.Since(start); d < least || d > least+2*time.Second {
					t.Fatalf("Wait ended after %v, want %v", d, least)
				}
			}
			set(30 * time.Millisecond)
			set(90 * time.Millisecond) // later: the runtime is told when the first has passed
			wait(80 * time.Millisecond)
			wait(0)
			set(time.Hour)
			set(30 * time.Millisecond) // sooner
			wait(20 * time.Millisecond)
			if err := c.SetReadDeadline(time.Time{}); err != nil {
				t.Fatal(err)
			}
			go func() {
				time.Sleep(50 * time.Millisecond)
				_, _ = peer.Write([]byte("x"))
			}()
			if err := c.Wait(); err != nil {
				t.Fatalf("Wait without a deadline: %v", err)
			}
		})
	}
}

// TestReadDeadlineUnderFlood has a peer that never lets the socket run empty.
func TestReadDeadlineUnderFlood(t *testing.T) {
	c, peer := newPair(t, "tcp", tls.VersionTLS13, Options{})
	go func() {
		for b := make([]byte, 16<<10); ; {
			if _, err := peer.Write(b); err != nil {
				return
			}
		}
	}()
	if err := c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	within(t, 5*time.Second, "a flood", func() {
		if err := pump(c, 32<<10, func([]byte) {}, nothing); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
	})
	c.End(errTest)
	if _, err := c.Read(make([]byte, 10)); !errors.Is(err, errTest) {
		t.Errorf("Read after End: %v", err)
	}
}

var errTest = errors.New("end of test")

// TestIdleTime runs hours in a bubble: a deadline that is moved again and
// again holds, and costs the pipe one timer at a time.
func TestIdleTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		c := New(ours, Options{})
		go func() {
			for range 20 {
				time.Sleep(10 * time.Minute)
				_, _ = theirs.Write([]byte(" "))
			}
		}()
		start := time.Now()
		for {
			if err := c.SetReadDeadline(time.Now().Add(15 * time.Minute)); err != nil {
				t.Fatal(err)
			}
			err := c.Wait()
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			_, _ = c.Read(make([]byte, 10))
		}
		if d := time.Since(start); d != 215*time.Minute {
			t.Errorf("idle after %v", d)
		}
		c.Close()
		theirs.Close()
	})
}
