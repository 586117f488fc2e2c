// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/stream"
	"tercet/core/transport"
)

// flood is a connection whose bytes never run out.
type flood struct {
	net.Conn
	head  string
	taken atomic.Int64
	over  atomic.Bool
}

func (f *flood) Read(p []byte) (int, error) {
	if f.over.Load() {
		return 0, io.EOF
	}
	n := copy(p, f.head)
	f.head = f.head[n:]
	for n < len(p) {
		p[n] = ' '
		n++
	}
	f.taken.Add(int64(n))
	return n, nil
}

func (f *flood) Write(p []byte) (int, error)      { return len(p), nil }
func (f *flood) Close() error                     { f.over.Store(true); return nil }
func (f *flood) SetReadDeadline(time.Time) error  { return nil }
func (f *flood) SetWriteDeadline(time.Time) error { return nil }
func (f *flood) SetDeadline(time.Time) error      { return nil }

func TestLimitPausesReading(t *testing.T) {
	const rate, burst, seconds = 20_000, 40_000, 10
	synctest.Test(t, func(t *testing.T) {
		f := &flood{head: "<stream:stream to='example.org' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"}
		table := ext.NewTable()
		st := stream.New(transport.New(f, transport.Options{}), netip.AddrPort{}, &stream.Options{
			Kind: "c2s", Content: element.NSClient, Limits: element.DefaultLimits, Log: slog.New(slog.DiscardHandler),
			Open: func(s *stream.Stream, _ element.Header) error {
				s.Enter("example.org", table)
				s.Limit(rate, burst)
				return nil
			},
		})
		done := make(chan struct{})
		go func() {
			defer close(done)
			st.Run(context.Background())
		}()
		time.Sleep(seconds * time.Second)
		synctest.Wait()
		got := f.taken.Load()
		if low, high := int64(rate*(seconds-1)), int64(burst+rate*seconds+64<<10); got < low || got > high {
			t.Errorf("%d bytes were read in %d s, want %d to %d", got, seconds, low, high)
		}
		st.End(nil) // also a stream that pauses ends at once
		before := time.Now()
		<-done
		if d := time.Since(before); d > time.Second {
			t.Errorf("ended after %v", d)
		}
	})
}
