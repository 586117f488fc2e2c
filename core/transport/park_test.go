// SPDX-License-Identifier: Apache-2.0

//go:build linux

package transport

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// sleeper is a Conn's loop, which parks whenever it has nothing to do.
type sleeper struct {
	*Conn
	fn     func([]byte)
	buf    []byte
	parked atomic.Int64 // how often
	end    chan error
}

func sleep(c *Conn, fn func([]byte)) *sleeper {
	s := &sleeper{Conn: c, fn: fn, buf: make([]byte, 512), end: make(chan error, 1)}
	if !s.rest() {
		go s.Wake()
	}
	return s
}

// Wake is the loop.
func (s *sleeper) Wake() {
	for {
		if err := s.Wait(); err != nil {
			s.end <- err
			return
		}
		for {
			n, err := s.Read(s.buf)
			if errors.Is(err, ErrAgain) {
				break
			}
			if err != nil {
				s.end <- err
				return
			}
			s.fn(s.buf[:n])
		}
		if s.rest() {
			return
		}
	}
}

// rest parks, if that can be.
func (s *sleeper) rest() bool {
	s.parked.Add(1)
	if s.Park(s) {
		return true
	}
	s.parked.Add(-1)
	return false
}

func (s *sleeper) asleep() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waker != nil
}

func parkedNow() int {
	parking.mu.Lock()
	defer parking.mu.Unlock()
	return len(parking.stalls) - len(parking.free)
}

func TestParkAndWake(t *testing.T) {
	for _, kind := range []string{"tcp", "unix"} {
		for layer, version := range secured {
			t.Run(kind+"/"+layer, func(t *testing.T) {
				c, peer := newPair(t, kind, version, Options{})
				got := make(chan string, 10)
				s := sleep(c, func(p []byte) { got <- string(p) })
				for _, want := range []string{"one", "two", "three"} {
					eventually(t, "it does not park", s.asleep)
					send(t, c, []byte("to the peer")) // without waking it
					if text := string(readFull(t, peer, 11)); text != "to the peer" {
						t.Fatalf("the peer got %q", text)
					}
					if !s.asleep() {
						t.Error("a write has woken the reader")
					}
					if _, err := io.WriteString(peer, want); err != nil {
						t.Fatal(err)
					}
					if text := <-got; text != want {
						t.Fatalf("got %q, want %q", text, want)
					}
				}
				if readBuffers.out.Load() != 0 {
					eventually(t, "a parked Conn holds a buffer", func() bool { return s.asleep() && readBuffers.out.Load() == 0 })
				}
				_ = peer.Close()
				if err := <-s.end; !errors.Is(err, io.EOF) {
					t.Errorf("ended with %v, want io.EOF", err)
				}
			})
		}
	}
}

// TestParkWakesForWhatCameBefore has the bytes wait in the kernel already.
func TestParkWakesForWhatCameBefore(t *testing.T) {
	c, peer := newPair(t, "tcp", 0, Options{})
	if _, err := peer.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	s := &sleeper{Conn: c, fn: func(p []byte) { got <- string(p) }, buf: make([]byte, 10), end: make(chan error, 1)}
	<-time.After(10 * time.Millisecond) // it may come a little later
	woken := make(chan struct{})
	if !c.Park(wakeFunc(func() { close(woken) })) {
		t.Fatal("refused")
	}
	within(t, 10*time.Second, "waking", func() { <-woken })
	go s.Wake()
	if text := <-got; text != "x" {
		t.Errorf("got %q", text)
	}
	c.End(nil)
	<-s.end
}

type wakeFunc func()

func (f wakeFunc) Wake() { f() }

// TestParkRefuses has what must not be left alone.
func TestParkRefuses(t *testing.T) {
	nobody := wakeFunc(func() { t.Error("woken") })
	t.Run("no socket", func(t *testing.T) {
		c, _ := newPair(t, "pipe", 0, Options{})
		if c.Park(nobody) {
			t.Error("parked")
		}
	})
	t.Run("at its end", func(t *testing.T) {
		c, _ := newPair(t, "tcp", 0, Options{})
		c.End(nil)
		if c.Park(nobody) {
			t.Error("parked")
		}
	})
	t.Run("plain bytes unread", func(t *testing.T) {
		c, peer := newPair(t, "tcp", 0, Options{})
		_, _ = peer.Write([]byte("ab"))
		if err := c.Wait(); err != nil {
			t.Fatal(err)
		}
		if _, _ = c.Read(make([]byte, 1)); c.Park(nobody) {
			t.Error("parked")
		}
	})
	t.Run("plaintext within crypto/tls", func(t *testing.T) {
		c, peer := newPair(t, "tcp", tls.VersionTLS13, Options{})
		_, _ = peer.Write([]byte("ab"))
		if err := c.Wait(); err != nil {
			t.Fatal(err)
		}
		if _, _ = c.Read(make([]byte, 1)); c.Park(nobody) {
			t.Error("parked")
		}
	})
	t.Run("part of a record", func(t *testing.T) {
		ours, theirs := connPair(t, "tcp")
		hold := &holder{Conn: theirs}
		c, peer := shake(t, New(ours, Options{}), hold, tls.VersionTLS13)
		hold.on = true
		_, _ = peer.Write([]byte("the record"))
		_, _ = theirs.Write(hold.b[:7])
		_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if err := c.Wait(); err == nil {
			t.Fatal("the record is whole")
		}
		if readBuffers.out.Load() != 0 {
			t.Error("seven bytes hold a buffer")
		}
		_ = c.SetReadDeadline(time.Time{})
		if c.Park(nobody) {
			t.Fatal("parked")
		}
		_, _ = theirs.Write(hold.b[7:])
		if err := c.Wait(); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 20)
		if n, err := c.Read(buf); err != nil || string(buf[:n]) != "the record" {
			t.Errorf("got %q, %v", buf[:n], err)
		}
	})
}

// TestParkedWakesForItsEnd has all that ends a wait but bytes.
func TestParkedWakesForItsEnd(t *testing.T) {
	reason := errors.New("kicked")
	tests := map[string]struct {
		do   func(c *Conn, peer net.Conn)
		want error
	}{
		"End":          {func(c *Conn, _ net.Conn) { c.End(reason) }, reason},
		"a deadline":   {func(*Conn, net.Conn) {}, nil},
		"the peer":     {func(_ *Conn, peer net.Conn) { _ = peer.Close() }, io.EOF},
		"a reset":      {func(_ *Conn, peer net.Conn) { _ = peer.(*net.TCPConn).SetLinger(0); _ = peer.Close() }, nil},
		"a full queue": {func(c *Conn, _ net.Conn) { _, _ = c.Append(make([]byte, 9<<20)) }, ErrFull},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, peer := newPair(t, "tcp", 0, Options{})
			if name == "a deadline" {
				_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			}
			woken := make(chan error, 1)
			if !c.Park(wakeFunc(func() { woken <- c.Wait() })) {
				t.Fatal("refused")
			}
			tt.do(c, peer)
			select {
			case err := <-woken:
				if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
					t.Errorf("Wait says %v, want %v", err, tt.want)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("it sleeps on")
			}
		})
	}
}

// TestParkedDeadlines are met in their order, whoever parks and leaves between.
func TestParkedDeadlines(t *testing.T) {
	const n = 100
	begun := time.Now()
	var wg sync.WaitGroup
	for i := range n {
		c, peer := newPair(t, "tcp", 0, Options{})
		due := begun.Add(time.Duration(100+rand.IntN(400)) * time.Millisecond)
		_ = c.SetReadDeadline(due)
		wg.Add(1)
		if !c.Park(wakeFunc(func() {
			defer wg.Done()
			if early := time.Until(due); i%3 != 0 && early > 0 {
				t.Errorf("woken %v before its time", early)
			}
		})) {
			t.Fatal("refused")
		}
		if i%3 == 0 {
			_, _ = peer.Write([]byte("x"))
		}
	}
	within(t, 10*time.Second, "the last deadline", wg.Wait)
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("that took %v", took)
	}
}

// TestParkedNumbers closes sockets and opens others, which get their numbers:
// an event of the old must not wake the new.
func TestParkedNumbers(t *testing.T) {
	var stale []uint64
	var conns []*Conn
	for range 50 {
		c, peer := newPair(t, "tcp", 0, Options{})
		if !c.Park(wakeFunc(func() {})) {
			t.Fatal("refused")
		}
		c.mu.Lock()
		stale = append(stale, c.ticket)
		c.mu.Unlock()
		_, _ = peer.Write([]byte("x"))
		eventually(t, "it sleeps on", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.waker == nil })
		_, _ = peer.Close(), c.Close()
		next, _ := newPair(t, "tcp", 0, Options{})
		if !next.Park(wakeFunc(func() {})) {
			t.Fatal("refused")
		}
		conns = append(conns, next)
	}
	for i, c := range conns {
		for _, ticket := range stale { // as if the old events came only now
			c.called(ticket)
		}
		if c.mu.Lock(); c.waker == nil {
			t.Errorf("Conn %d was woken by another's event", i)
		}
		c.mu.Unlock()
	}
	for _, c := range conns {
		c.End(nil)
	}
	eventually(t, "somebody is parked still", func() bool { return parkedNow() == 0 })
}

// TestParkHammer has many Conns park and wake while they get numbers in random
// order of time, and others write to them: none is lost.
func TestParkHammer(t *testing.T) {
	conns, rounds := 200, 100
	if testing.Short() {
		conns, rounds = 50, 50
	}
	var all sync.WaitGroup
	var parks atomic.Int64
	for range conns {
		c, peer := newPair(t, "tcp", 0, Options{})
		var wg sync.WaitGroup
		var rest []byte
		next, done := uint32(0), make(chan struct{})
		s := sleep(c, func(p []byte) {
			for rest = append(rest, p...); len(rest) >= 4; rest = rest[4:] {
				if n := binary.BigEndian.Uint32(rest); n != next {
					t.Errorf("got %d, want %d", n, next)
				}
				if next++; next == uint32(rounds) {
					close(done)
				}
			}
		})
		wg.Go(func() { // somebody else's stanzas
			for range rounds {
				send(t, c, []byte("0123456789"))
				time.Sleep(time.Duration(rand.IntN(1000)) * time.Microsecond)
			}
		})
		wg.Go(func() { _, _ = io.CopyN(io.Discard, peer, int64(10*rounds)) })
		wg.Go(func() {
			for i := range rounds {
				b := binary.BigEndian.AppendUint32(nil, uint32(i))
				for _, half := range [][]byte{b[:2], b[2:]} {
					if _, err := peer.Write(half); err != nil {
						t.Error(err)
						return
					}
					if rand.IntN(4) == 0 {
						time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
					}
				}
			}
		})
		all.Go(func() {
			<-done
			wg.Wait()
			c.End(nil)
			<-s.end
			parks.Add(s.parked.Load())
		})
	}
	within(t, time.Minute, "the traffic", all.Wait)
	if n := parks.Load(); n < int64(conns) {
		t.Errorf("parked %d times, want more", n)
	}
	eventually(t, "somebody is parked still", func() bool { return parkedNow() == 0 })
}

// TestParkedEndEachOther has pairs of parked Conns end each other crosswise.
func TestParkedEndEachOther(t *testing.T) {
	const pairs = 1000
	var all sync.WaitGroup
	for range pairs {
		var both [2]*Conn
		for k := range both {
			both[k], _ = newPair(t, "unix", 0, Options{Linger: time.Millisecond})
		}
		var parked sync.WaitGroup
		for k, c := range both {
			all.Add(1)
			parked.Add(1)
			if !c.Park(wakeFunc(func() {
				defer all.Done()
				parked.Wait()
				both[1-k].End(nil)
				_ = c.Close()
			})) {
				t.Fatal("refused")
			}
			parked.Done()
		}
		go both[0].End(nil)
		go both[1].End(nil)
	}
	within(t, 30*time.Second, "the end of all", all.Wait)
}

// TestParkedCrowd has many peers hang up at once: their Conns wake one after
// another, and all of them, also behind one that does not settle.
func TestParkedCrowd(t *testing.T) {
	for name, stuck := range map[string]bool{"all settle": false, "one is stuck": true} {
		t.Run(name, func(t *testing.T) {
			const n = 300
			before := parking.crowd.n.Load()
			release := make(chan struct{})
			var mu sync.Mutex // guards at and most
			var at, most int32
			var woken, ended sync.WaitGroup
			peers := make([]net.Conn, n)
			for i := range n {
				c, peer := newPair(t, "unix", 0, Options{})
				peers[i] = peer
				woken.Add(1)
				ended.Add(1)
				if !c.Park(wakeFunc(func() {
					defer ended.Done()
					mu.Lock()
					at++
					most = max(most, at)
					mu.Unlock()
					woken.Done()
					if stuck && i == 0 {
						<-release
					}
					if err := c.Wait(); !errors.Is(err, io.EOF) {
						t.Errorf("Conn %d: %v, want io.EOF", i, err)
					}
					mu.Lock()
					at--
					mu.Unlock()
					_ = c.Close()
				})) {
					t.Fatal("refused")
				}
			}
			parking.mu.Lock() // the parker sees nothing until all have gone
			for _, peer := range peers {
				_ = peer.Close()
			}
			parking.mu.Unlock()
			within(t, 20*time.Second, "waking", woken.Wait)
			if limit := parking.crowd.most; !stuck && before == 0 && most > 2*limit { // patience may have ended once
				t.Errorf("%d had a goroutine at once, want at most %d", most, limit)
			}
			close(release)
			within(t, 20*time.Second, "the end of all", ended.Wait)
			eventually(t, "somebody is never settled", func() bool { return parking.crowd.n.Load() <= before })
		})
	}
}

// BenchmarkParkWake is a silent time: park, a byte comes, wake, read it.
func BenchmarkParkWake(b *testing.B) {
	c, peer := newPair(b, "unix", 0, Options{})
	got := make(chan struct{}, 1)
	s := sleep(c, func([]byte) { got <- struct{}{} })
	one := []byte{' '}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = peer.Write(one)
		<-got
	}
	b.StopTimer()
	b.ReportMetric(float64(s.parked.Load())/float64(b.N), "parks/op")
}

// BenchmarkWaitRead is the same with a goroutine that waits.
func BenchmarkWaitRead(b *testing.B) {
	c, peer := newPair(b, "unix", 0, Options{})
	got := make(chan struct{}, 1)
	go func() { _ = pump(c, 512, func([]byte) { got <- struct{}{} }, nothing) }()
	one := []byte{' '}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = peer.Write(one)
		<-got
	}
}
