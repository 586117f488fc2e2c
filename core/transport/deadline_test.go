// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

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

// TestReadDeadlineUnderFlood has a peer that does not let the socket run empty.
func TestReadDeadlineUnderFlood(t *testing.T) {
	c, peer := newPair(t, "tcp", tls.VersionTLS13, Options{})
	go func() {
		for b := make([]byte, 16<<10); ; {
			if _, err := peer.Write(b); err != nil {
				return
			}
		}
	}()
	time.Sleep(50 * time.Millisecond) // 100 KiB and more are there
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	records := 0
	within(t, 5*time.Second, "a flood", func() {
		slow := func([]byte) { records++; time.Sleep(10 * time.Millisecond) }
		if err := pump(c, 32<<10, slow, nothing); !errors.Is(err, os.ErrDeadlineExceeded) || records > 5 {
			t.Errorf("ended with %v after %d records", err, records)
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
		_ = c.Close()
		_ = theirs.Close()
	})
}
