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
	"time"
)

// TestBigData sends much in both directions at once and compares hashes.
func TestBigData(t *testing.T) {
	const size = 3 << 20
	for name, on := range everywhere() {
		t.Run(name, func(t *testing.T) {
			kind, version := on.kind, on.version
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
	for name, on := range everywhere() {
		t.Run(name, func(t *testing.T) {
			kind, version := on.kind, on.version
			ours, theirs := connPair(t, kind)
			c, peer := shake(t, New(ours, Options{}), drip{theirs}, version)
			want := bytes.Repeat([]byte("<message/>"), 50)
			go func() {
				for p := range slices.Chunk(want, 100) {
					if _, err := peer.Write(p); err != nil {
						t.Error(err)
					}
				}
				_ = peer.Close()
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

// leaver is a peer whose bytes wait in hold until it leaves.
type leaver struct {
	raw, peer net.Conn
	hold      *holder
}

// flush sends what is held, but the last bytes.
func (l leaver) flush(but int) error {
	_, err := l.raw.Write(l.hold.b[:len(l.hold.b)-but])
	return err
}

func (l leaver) notify() error {
	if s, ok := l.peer.(*tls.Conn); ok {
		return s.CloseWrite()
	}
	return nil
}

// ends are the ways in which a peer leaves after one message; nil: not in plain.
var ends = []struct {
	name       string
	plain, tls error
	leave      func(leaver) error
}{
	{"good end in the same segment", io.EOF, io.EOF, func(l leaver) error {
		return errors.Join(l.notify(), l.flush(0), l.raw.Close())
	}},
	{"close_notify without FIN", nil, io.EOF, func(l leaver) error {
		return errors.Join(l.notify(), l.flush(0))
	}},
	{"FIN glued to a whole record", io.EOF, io.ErrUnexpectedEOF, func(l leaver) error {
		return errors.Join(l.flush(0), l.raw.Close())
	}},
	{"FIN glued to a part of a record", nil, io.ErrUnexpectedEOF, func(l leaver) error {
		_, err := l.peer.Write([]byte("lost"))
		return errors.Join(err, l.flush(3), l.raw.Close())
	}},
	{"FIN later", io.EOF, io.ErrUnexpectedEOF, func(l leaver) error {
		err := l.flush(0)
		time.Sleep(30 * time.Millisecond)
		return errors.Join(err, l.raw.Close())
	}},
}

func TestEnds(t *testing.T) {
	for _, tt := range ends {
		for name, on := range everywhere() {
			want := tt.tls
			if on.version == 0 {
				want = tt.plain
			}
			if want == nil {
				continue
			}
			t.Run(tt.name+"/"+name, func(t *testing.T) { testEnd(t, on, tt.leave, want, false) })
			if on.kind != "pipe" { // all is there before the first read
				t.Run(tt.name+"/"+name+"/early", func(t *testing.T) { testEnd(t, on, tt.leave, want, true) })
			}
		}
	}
}

func testEnd(t *testing.T, on on, leave func(leaver) error, want error, early bool) {
	t.Helper()
	ours, theirs := connPair(t, on.kind)
	hold := &holder{Conn: theirs}
	c, peer := shake(t, New(ours, Options{}), hold, on.version)
	hold.on = true
	if _, err := peer.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	left := make(chan error, 1)
	go func() { left <- leave(leaver{theirs, peer, hold}) }()
	if early {
		left <- <-left
		time.Sleep(2 * time.Millisecond)
	}
	if got := untilEnd(t, c, 100, want); got != "hello" {
		t.Errorf("got %q before the end", got)
	}
	if err := <-left; err != nil {
		t.Error(err)
	}
}

// untilEnd reads c by so many bytes and checks how it ends.
func untilEnd(t *testing.T, c *Conn, size int, want error) string {
	t.Helper()
	var got []byte
	within(t, 5*time.Second, "the end", func() {
		err := pump(c, size, func(p []byte) { got = append(got, p...) }, nothing)
		if err != want { //nolint:errorlint // the contract is these very values
			t.Errorf("ended with %v, want %v", err, want)
		}
		if err := c.Wait(); err != want { //nolint:errorlint // as above
			t.Errorf("Wait after the end: %v, want %v", err, want)
		}
	})
	return string(got)
}

// TestPartAndFIN has a part of a record and a FIN come together while nobody
// waits: the poller tells both at once, and never again.
func TestPartAndFIN(t *testing.T) {
	for _, kind := range []string{"tcp", "unix"} {
		ours, theirs := connPair(t, kind)
		hold := &holder{Conn: theirs}
		c, peer := shake(t, New(ours, Options{}), hold, tls.VersionTLS13)
		hold.on = true
		if _, err := peer.Write([]byte("lost")); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join((leaver{theirs, peer, hold}).flush(3), theirs.Close()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
		if got := untilEnd(t, c, 100, io.ErrUnexpectedEOF); got != "" {
			t.Errorf("got %q", got)
		}
	}
}

// TestTruncatedAfterFullRead has a read(2) that fills the buffer exactly, so
// that Read finds the end and not Wait; with the smaller size through crypto/tls.
func TestTruncatedAfterFullRead(t *testing.T) {
	const overhead, first = recordHeader + 17, 16 << 10
	const second = readSize - first - 2*overhead
	for _, size := range []int{second, 4000} {
		ours, theirs := connPair(t, "tcp")
		hold := &holder{Conn: theirs}
		c, peer := shake(t, New(ours, Options{}), hold, tls.VersionTLS13)
		hold.on = true
		for _, n := range []int{first, second} {
			if _, err := peer.Write(make([]byte, n)); err != nil {
				t.Fatal(err)
			}
		}
		if len(hold.b) != readSize {
			t.Fatalf("records of %d bytes, want %d", len(hold.b), readSize)
		}
		if err := (leaver{theirs, peer, hold}).flush(0); err != nil {
			t.Fatal(err)
		}
		if err := theirs.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
		if got := untilEnd(t, c, size, io.ErrUnexpectedEOF); len(got) != first+second {
			t.Errorf("got %d bytes", len(got))
		}
	}
}

// TestWakeUp plays ping-pong between two Conns with random pauses: a lost
// wake-up hangs it.
func TestWakeUp(t *testing.T) {
	rounds := 4000
	if testing.Short() {
		rounds = 400
	}
	for name, on := range everywhere() {
		t.Run(name, func(t *testing.T) {
			kind, version := on.kind, on.version
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
}

// twoConns makes a Conn of both ends; the second is the client of TLS.
func twoConns(tb testing.TB, ours, theirs net.Conn, version uint16) (a, b *Conn) {
	tb.Helper()
	a, b = New(ours, Options{}), New(theirs, Options{})
	tb.Cleanup(func() { _ = a.Close(); _ = b.Close() })
	if version == 0 {
		return a, b
	}
	done := make(chan error, 1)
	go func() { done <- b.ClientTLS(tb.Context(), clientTLS()) }()
	if err := a.DirectTLS(tb.Context(), serverTLS(version)); err != nil {
		tb.Fatal(err)
	}
	if err := <-done; err != nil {
		tb.Fatal(err)
	}
	return a, b
}
