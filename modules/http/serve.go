// SPDX-License-Identifier: Apache-2.0

package http

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"tercet/core/ext"
	"tercet/core/listen"
	"tercet/core/metric"
	"tercet/core/module"
)

// A server is one instance of httpd: it serves the connections that came while
// it was the live one, until they are over.
type server struct {
	options
	scope   *module.Scope
	env     *module.Env
	pages   *pageWriter
	http    *http.Server
	feed    *feed
	trusted networks
	hosts   atomic.Pointer[hostIndex]
	metrics requestMetrics

	lasting func() context.Context // done when all that the instance serves is over
	over    context.CancelFunc
}

// settleTime is what connections have for their first request that came just
// before the instance was replaced: a server that shuts down hears none.
const settleTime = time.Second

// settle lets the connections that have come be heard, and no further ones.
func (d *server) settle() {
	_ = d.feed.Close() // it has no error
	d.http.SetKeepAlivesEnabled(false)
	wait := time.NewTimer(settleTime)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-d.env.Listeners.Stopping():
	}
}

// instances is the one that takes what the one before it can no longer.
var instances = ext.NewService[*server]("httpd")

// requestMetrics are counted over reloads.
type requestMetrics struct {
	classes [6]*metric.Counter // by the first digit of the status
	seconds *metric.Histogram
	busy    *metric.Gauge
}

// HTTP/2's limits: streams of one connection, and what net/http takes as the
// bounds of its buffers (RFC 9113 5.2).
const (
	maxStreams          = 100
	minBuffer, maxBytes = 64 << 10, 4<<20 - 1
)

func newServer(s *module.Scope, o options) (*server, error) {
	trusted, err := networksOf(o.Proxies)
	if err != nil {
		return nil, fmt.Errorf("trusted_proxies: %w", err)
	}
	d := &server{options: o, scope: s, env: s.Env, feed: newFeed(), trusted: trusted, pages: newPages(o.errorPages, s)}
	for class, name := range [...]string{1: "1xx", "2xx", "3xx", "4xx", "5xx"} {
		if class > 0 {
			d.metrics.classes[class] = s.Env.Metrics.Counter("http_requests", "Requests that were answered, by class of status.",
				metric.Label{Name: "status", Value: name})
		}
	}
	d.metrics.seconds = s.Env.Metrics.Histogram("http_request_seconds", "Time from the header of a request to the end of its answer.", metric.Seconds)
	d.metrics.busy = s.Env.Metrics.Gauge("http_requests_in_flight", "Requests that are at work.")
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true) // over TLS; h2c stays off
	buffer := min(max(int(o.MaxBuffer), minBuffer), maxBytes)
	d.http = &http.Server{
		Handler: d, Protocols: protocols, DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout: o.HeaderTime, IdleTimeout: o.IdleTime, MaxHeaderBytes: max(int(o.MaxHeader)-headerSlop, 1),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams, MaxReceiveBufferPerStream: buffer, MaxReceiveBufferPerConnection: min(4*buffer, maxBytes),
			WriteByteTimeout: o.SendTime,
		},
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	ctx, over := context.WithCancel(context.WithoutCancel(s.Context())) // requests end by their own mount
	d.lasting, d.over = func() context.Context { return ctx }, over
	d.http.BaseContext = func(net.Listener) context.Context { return ctx }
	s.Defer(func() error { over(); return nil })
	return d, nil
}

// headerSlop is what net/http adds to the limit on headers.
const headerSlop = 4096

func (d *server) listen(service, addr string) error {
	spec := listen.Spec{Service: service, Network: "tcp", Address: addr, TLS: "none", Private: service == "http"}
	h := d.plain
	if service == "https" {
		spec.TLS, spec.MaxHandshakes, h = "direct", d.Handshakes, d.secure
	}
	if !isLoopback(addr) {
		spec.MaxPerAddress = d.PerAddress
	}
	return d.env.Listeners.Listen(d.scope.Scope, spec, h)
}

func isLoopback(addr string) bool {
	at, err := netip.ParseAddrPort(addr)
	return err == nil && at.Addr().IsLoopback()
}

// plain takes a connection without TLS.
func (d *server) plain(_ context.Context, c net.Conn, _ listen.Info) { d.take(c) }

// take serves the connection, here or, when this instance has ended meanwhile,
// in the one that has replaced it.
func (d *server) take(c net.Conn) {
	if d.feed.put(c) {
		return
	}
	p := d.env.Router.Table.Enter()
	next, ok := instances.In(p)
	p.Leave()
	if !ok || next == d || !next.feed.put(c) {
		_ = c.Close() // nobody serves it
	}
}

// secure takes a connection that begins with TLS.
func (d *server) secure(ctx context.Context, c net.Conn, info listen.Info) {
	port := 0
	if len(d.TLSPorts) > 1 { // else the service's own settings are the port's
		port = int(info.Local.Port())
	}
	cfg, err := d.env.TLS.DirectPort("https", port, alpn...)
	if err != nil {
		d.scope.Log.DebugContext(ctx, "https without a certificate", "err", err)
		_ = c.Close() // nothing can be said
		return
	}
	t := tls.Server(c, cfg)
	if err := d.handshake(t, info); err != nil { //nolint:contextcheck // a handshake outlives the reload that it meets
		d.scope.Log.DebugContext(ctx, "TLS handshake failed", "address", info.Remote, "err", err)
		if plain, ok := errors.AsType[tls.RecordHeaderError](err); ok && plain.Conn != nil && looksLikeHTTP(plain.RecordHeader) {
			_ = plain.Conn.SetWriteDeadline(time.Now().Add(time.Second))
			_, _ = io.WriteString(plain.Conn, "HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\nThis port speaks HTTPS.\n")
		}
		_ = c.Close() // the error was all
		return
	}
	d.take(t)
}

func (d *server) handshake(t *tls.Conn, info listen.Info) error {
	ctx, cancel := context.WithTimeout(d.lasting(), d.HeaderTime)
	defer cancel()
	if err := info.Handshakes.Enter(ctx); err != nil {
		return err
	}
	defer info.Handshakes.Leave()
	return t.HandshakeContext(ctx)
}

// looksLikeHTTP recognises a request in what should have been a TLS record.
func looksLikeHTTP(b [5]byte) bool {
	for _, method := range [...]string{"GET /", "HEAD ", "POST ", "PUT /", "OPTIO"} {
		if string(b[:]) == method {
			return true
		}
	}
	return false
}

// run serves until the instance ends.
func (d *server) run(ctx context.Context) {
	err := d.http.Serve(d.feed)
	if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		d.scope.Log.ErrorContext(ctx, "HTTP is not served any more", "err", err)
	}
}

// end waits for the instance to be replaced or for the server to stop. Idle
// connections are closed at once, others after their request, and all of them
// when the time that streams have is over.
func (d *server) end(ctx context.Context) {
	select {
	case <-ctx.Done():
		d.settle()
	case <-d.env.Listeners.Stopping():
	}
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceOf(d.env)())
	defer cancel()
	if err := d.http.Shutdown(wait); err != nil {
		d.scope.Log.InfoContext(ctx, "HTTP requests were cut off", "err", err)
		_ = d.http.Close() // what it could not close is closed
	}
	d.over()
}

// A feed is the listener that net/http knows: connections of all sockets.
type feed struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newFeed() *feed { return &feed{conns: make(chan net.Conn), done: make(chan struct{})} }

// put hands a connection to net/http; false: it takes no more.
func (f *feed) put(c net.Conn) bool {
	select {
	case f.conns <- c:
		return true
	case <-f.done:
		return false
	}
}

// Accept waits for the next connection.
func (f *feed) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (f *feed) Close() error {
	f.once.Do(func() { close(f.done) })
	return nil
}

// Addr is of no use: there is no one address.
func (f *feed) Addr() net.Addr { return &net.TCPAddr{} }
