// SPDX-License-Identifier: Apache-2.0

//go:build linux

package transport

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const benchConns = 100

// BenchmarkRelay passes 250 B messages between 50 pairs of connections, with
// so many in flight for each connection. cpu-us/msg is the server's CPU time;
// the load comes from another process on the same machine. The two messages of
// a pair tend to travel together, so that one in flight is up to two at once.
func BenchmarkRelay(b *testing.B) {
	eachLoad(b, func() benchServer { return &relayServer{other: 1} })
}

// BenchmarkReflect sends each message back to where it came from, through the
// outbox: to compare with BenchmarkEcho.
func BenchmarkReflect(b *testing.B) {
	eachLoad(b, func() benchServer { return &relayServer{} })
}

// BenchmarkEcho is crypto/tls alone, one record in, one record out.
func BenchmarkEcho(b *testing.B) {
	eachLoad(b, func() benchServer { return &echoServer{} })
}

func eachLoad(b *testing.B, server func() benchServer) {
	b.Helper()
	for _, layer := range []string{"tls1.3", "plain"} {
		for _, window := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/inflight=%d", layer, window), func(b *testing.B) {
				bench(b, layer, window, server())
			})
		}
	}
}

// benchServer accepts benchConns connections, then serves each in a goroutine.
type benchServer interface {
	accept(b *testing.B, c net.Conn, cfg *tls.Config)
	serve(i int, n *atomic.Int64)
	end(i int)
}

type counter struct {
	atomic.Int64
	_ [56]byte
}

func bench(b *testing.B, layer string, window int, server benchServer) {
	b.Helper()
	l, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var cfg *tls.Config
	if layer != "plain" {
		cfg = serverTLS(secured[layer])
		cfg.DynamicRecordSizingDisabled, cfg.SessionTicketsDisabled = true, true
	}
	load := startLoad(b, l.Addr(), benchConns, window, cfg != nil)
	for range benchConns {
		c, err := l.Accept()
		if err != nil {
			b.Fatal(err)
		}
		server.accept(b, c, cfg)
	}
	var wg sync.WaitGroup
	counts := make([]counter, benchConns)
	for i := range counts {
		wg.Go(func() { server.serve(i, &counts[i].Int64) })
	}
	measure(b, counts)
	for i := range counts {
		server.end(i)
	}
	wg.Wait()
	_ = load.Wait()
}

func startLoad(b *testing.B, addr net.Addr, conns, window int, secure bool) *exec.Cmd {
	b.Helper()
	load := exec.CommandContext(b.Context(), os.Args[0])
	load.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d %v", loadEnv, addr, conns, window, secure))
	load.Stderr = os.Stderr
	if err := load.Start(); err != nil {
		b.Fatal(err)
	}
	return load
}

// measure waits until b.N more messages have passed.
func measure(b *testing.B, counts []counter) {
	b.Helper()
	total := func() (n int64) {
		for i := range counts {
			n += counts[i].Load()
		}
		return n
	}
	until := func(n int64) {
		for total() < n {
			time.Sleep(200 * time.Microsecond)
		}
	}
	until(10000)
	var before, after syscall.Rusage
	var m0, m1 runtime.MemStats
	runtime.ReadMemStats(&m0)
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	first := total()
	b.ResetTimer()
	until(first + int64(b.N))
	b.StopTimer()
	n := float64(total() - first)
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	runtime.ReadMemStats(&m1)
	us := func(t syscall.Timeval) float64 { return float64(t.Sec)*1e6 + float64(t.Usec) }
	sys := us(after.Stime) - us(before.Stime)
	b.ReportMetric((us(after.Utime)-us(before.Utime)+sys)/n, "cpu-us/msg")
	b.ReportMetric(sys/n, "sys-us/msg")
	b.ReportMetric(float64(m1.Mallocs-m0.Mallocs)/n, "allocs/msg")
}

// relayServer is the loop of the package's doc, without XML.
type relayServer struct {
	conns []*Conn
	other int // 1: to the other of a pair
}

func (r *relayServer) accept(b *testing.B, nc net.Conn, cfg *tls.Config) {
	b.Helper()
	c := New(nc, Options{})
	if cfg != nil {
		if err := c.DirectTLS(b.Context(), cfg); err != nil {
			b.Fatal(err)
		}
	}
	r.conns = append(r.conns, c)
}

func (r *relayServer) serve(i int, n *atomic.Int64) {
	c, to := r.conns[i], r.conns[i^r.other]
	var cork Cork
	buf, part := make([]byte, 16<<10), 0
	_ = pump(c, len(buf), func(p []byte) {
		for len(p) > 0 { // one Append for each message, as a router would do
			k := min(len(p), loadMessage-part)
			if dirty, _ := to.Append(p[:k]); dirty {
				cork.Add(to)
			}
			if part += k; part == loadMessage {
				part = 0
				n.Add(1)
			}
			p = p[k:]
		}
	}, cork.Flush)
	_ = c.Close()
}

func (r *relayServer) end(i int) { r.conns[i].End(nil) }

type echoServer struct{ conns []net.Conn }

func (e *echoServer) accept(b *testing.B, c net.Conn, cfg *tls.Config) {
	b.Helper()
	if cfg != nil {
		s := tls.Server(c, cfg)
		if err := s.HandshakeContext(b.Context()); err != nil {
			b.Fatal(err)
		}
		c = s
	}
	e.conns = append(e.conns, c)
}

func (e *echoServer) serve(i int, n *atomic.Int64) {
	buf, part := make([]byte, 16<<10), 0
	for {
		k, err := e.conns[i].Read(buf)
		if err != nil {
			return
		}
		if _, err := e.conns[i].Write(buf[:k]); err != nil {
			return
		}
		part += k
		n.Add(int64(part / loadMessage))
		part %= loadMessage
	}
}

func (e *echoServer) end(i int) { _ = e.conns[i].Close() }

// BenchmarkIdle is the memory of a TLS session that waits, with its goroutine.
func BenchmarkIdle(b *testing.B) {
	const conns = 2000
	l, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	cfg := serverTLS(tls.VersionTLS13)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	load := startLoad(b, l.Addr(), conns, 0, true)
	var server relayServer
	var wg sync.WaitGroup
	for i := range conns {
		c, err := l.Accept()
		if err != nil {
			b.Fatal(err)
		}
		server.accept(b, c, cfg)
		waiting := server.conns[i]
		wg.Go(func() { _ = waiting.Wait() })
	}
	for b.Loop() {
		runtime.GC()
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/conns, "heap-B/conn")
	b.ReportMetric(float64(after.StackInuse-before.StackInuse)/conns, "stack-B/conn")
	for _, c := range server.conns {
		c.End(nil)
	}
	wg.Wait()
	_ = load.Process.Kill()
	_ = load.Wait()
	for _, c := range server.conns {
		_ = c.Close()
	}
}

// BenchmarkAppend is what a router pays for a hand-over.
func BenchmarkAppend(b *testing.B) {
	c, peer := newPair(b, "tcp", 0, Options{})
	go func() {
		for buf := make([]byte, 64<<10); ; {
			if _, err := peer.Read(buf); err != nil {
				return
			}
		}
	}()
	message := make([]byte, loadMessage)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Append(message); err != nil {
			b.Fatal(err)
		}
		if c.Queued() > 100*loadMessage {
			c.Flush()
			if err := c.WaitBelow(0, time.Time{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
