// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"errors"
	"net"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"tercet/core/ext"
	"tercet/core/metric"
)

// socket is one bound address. Its accept loop belongs to no scope: it runs
// from the first claim that goes live until the socket is closed.
type socket struct {
	r         *Registry
	keys      []string // in Registry.sockets
	network   string
	address   string
	ln        net.Listener
	since     time.Time
	activated bool
	cleanup   func() // removes a unix socket's file
	conns     atomic.Int64
	freed     chan struct{} // a connection was closed while the socket was starved
	done      chan struct{} // closed with the socket

	// guarded by Registry.mu
	claims  []*claim // oldest first
	running bool
	closed  bool
	changed chan struct{} // closed and renewed when claims or their state change
}

// claim is one scope's wish for the connections of a socket.
type claim struct {
	scope   *ext.Scope
	spec    Spec
	handler Handler
	service *service
	gate    *Gate
	socket  *socket // guarded by Registry.mu; nil before and after
}

// service is what the sockets of one service share.
type service struct {
	limits   *limiter
	gate     *Gate
	gateSize int
	accepted *metric.Counter
	refused  map[refusal]*metric.Counter
	open     *metric.Gauge
}

// claim finds or binds the socket for c. c.socket stays nil when the scope
// claimed the same before.
func (r *Registry) claim(c *claim) error {
	at, err := resolve(c.scope.Context(), c.spec)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return ErrStopped
	}
	k := r.sockets[at.key()]
	if k == nil {
		if k, err = r.bind(c, at); err != nil {
			return err
		}
	}
	for _, other := range k.claims {
		switch sameService := other.spec.Service == c.spec.Service; {
		case sameService && other.scope == c.scope:
			return nil
		case !sameService && !other.scope.Live():
			return &inUseError{other.spec.Service}
		}
	}
	c.service = r.serviceOf(c.spec)
	c.gate = c.service.gate
	c.socket = k
	k.claims = append(k.claims, c)
	return nil
}

// inUseError is said when two services are configured for one address.
type inUseError struct{ service string }

func (e *inUseError) Error() string { return "address already in use by the service " + e.service }

func (e *inUseError) Unwrap() error { return syscall.EADDRINUSE }

// serviceOf returns the shared part, with a gate of the size that spec wants.
// r.mu is held.
func (r *Registry) serviceOf(spec Spec) *service {
	v := r.services[spec.Service]
	if v == nil {
		label := metric.Label{Name: "service", Value: spec.Service}
		m := r.o.Metrics
		v = &service{
			limits:   newLimiter(),
			accepted: m.Counter("connections_accepted", "Connections that were given to a handler.", label),
			open:     m.Gauge("connections_open", "Connections that are open.", label),
			refused:  make(map[refusal]*metric.Counter),
		}
		for _, why := range []refusal{tooMany, tooFast, badProxy} {
			v.refused[why] = m.Counter("connections_refused", "Connections that were closed unheard.", label,
				metric.Label{Name: "reason", Value: string(why)})
		}
		r.services[spec.Service] = v
	}
	if v.gateSize != spec.MaxHandshakes {
		v.gateSize, v.gate = spec.MaxHandshakes, nil
		if spec.MaxHandshakes > 0 {
			v.gate = NewGate(spec.MaxHandshakes, spec.Service+" handshakes", r.o.Metrics)
		}
	}
	return v
}

// activate is called when the claim's scope has gone live.
func (r *Registry) activate(c *claim) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := c.socket
	if k == nil || k.closed {
		return
	}
	if !k.running {
		k.running = true
		go k.loop()
	}
	k.adopt(c.spec)
	k.notify()
	if now := k.current(); now != nil && now != c && now.spec.Service != c.spec.Service && c.scope.Live() {
		r.o.Log.Error("address is in use by another service", "address", k.address, "service", c.spec.Service, "used_by", now.spec.Service)
	}
}

// release takes the claim away, and the socket with its last claim.
func (r *Registry) release(c *claim) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := c.socket
	if k == nil {
		return
	}
	c.socket = nil
	k.claims = slices.DeleteFunc(k.claims, func(x *claim) bool { return x == c })
	if len(k.claims) > 0 {
		k.notify()
		return
	}
	for _, key := range k.keys {
		delete(r.sockets, key)
	}
	k.shut()
}

// notify wakes the accept loop to look at the claims again. r.mu is held.
func (k *socket) notify() {
	close(k.changed)
	k.changed = make(chan struct{})
}

// shut closes the listening socket. r.mu is held.
func (k *socket) shut() {
	if k.closed {
		return
	}
	k.closed = true
	close(k.done)
	if k.cleanup != nil {
		k.cleanup()
	}
	if err := k.ln.Close(); err != nil {
		k.r.o.Log.Warn("socket not closed", "address", k.address, "err", err)
	}
	k.notify()
}

// current is the claim that gets connections: of the service that has the
// socket longest, the newest live one. r.mu is held.
func (k *socket) current() *claim {
	var now *claim
	for _, c := range k.claims {
		if (now == nil || c.spec.Service == now.spec.Service) && c.scope.Live() {
			now = c
		}
	}
	return now
}

// hold waits until a scope is there to serve, and keeps its Close waiting. It
// returns nil when the socket is closed instead.
func (k *socket) hold() (c *claim, release func()) {
	for {
		k.r.mu.Lock()
		c, changed, closed := k.current(), k.changed, k.closed
		k.r.mu.Unlock()
		if closed {
			return nil, nil
		}
		if c != nil {
			release = c.scope.Hold()
			if c.scope.Context().Err() == nil {
				return c, release // Close has not begun: it will wait
			}
			release()
		}
		<-changed
	}
}

func (k *socket) loop() {
	pause := time.Duration(0)
	for {
		raw, err := k.ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || !k.backOff(err, &pause) {
				return
			}
			continue
		}
		if pause > 0 {
			k.r.o.Log.Info("accepting again", "address", k.address)
			pause = 0
		}
		c, release := k.hold()
		if c == nil {
			_ = raw.Close() // nobody is there to hear it
			return
		}
		k.admit(c, raw, release)
	}
}

// backOff waits after an error of Accept. Without file descriptors or memory a
// new try is of use only later, or when a connection has been closed. It
// reports whether to go on.
func (k *socket) backOff(err error, pause *time.Duration) bool {
	short := errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM)
	first := *pause == 0
	if short {
		*pause = k.r.o.AcceptRetry
		k.r.starved.Add(1)
		defer k.r.starved.Add(-1)
	} else {
		*pause = min(max(2**pause, 5*time.Millisecond), time.Second)
	}
	k.r.o.Metrics.Counter("accept_errors", "Errors of accept(2).").Inc()
	if first {
		k.r.o.Log.Error("connections are not accepted", "address", k.address, "err", err, "retry_in", *pause)
	}
	wait := time.NewTimer(*pause)
	defer wait.Stop()
	select {
	case <-k.done:
		return false
	case <-k.freed:
	case <-wait.C:
	}
	return true
}

// freed lets starved sockets try again.
func (r *Registry) freed() {
	if r.starved.Load() == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.sockets {
		select {
		case k.freed <- struct{}{}:
		default:
		}
	}
}

// admit applies the limits and starts the handler.
func (k *socket) admit(c *claim, raw net.Conn, release func()) {
	w := wrap(raw, k, c)
	info := Info{Local: addrPort(raw.LocalAddr()), Remote: addrPort(raw.RemoteAddr()), Handshakes: c.gate}
	behind := c.spec.Proxy != nil && c.spec.Proxy.trusts(info.Remote)
	if !behind {
		if why := w.count(info.Remote.Addr()); why != "" {
			w.refuse(why, info.Remote.Addr())
			release()
			return
		}
	}
	go k.serve(c, w, info, behind, release)
}

// serve is the root of a connection's goroutine.
func (k *socket) serve(c *claim, w *tracked, info Info, behind bool, release func()) {
	defer release()
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		_ = w.Close() // the panic is what is reported
		ext.MeterOf(c.scope).Panic()
		if k.r.o.OnPanic != nil {
			k.r.o.OnPanic(c.scope.Name(), v, debug.Stack())
			return
		}
		k.r.o.Log.Error("panic in a connection's handler", "scope", c.scope.Name(), "value", v, "stack", string(debug.Stack()))
	}()
	if behind && !w.readProxy(c.spec.Proxy, &info) {
		return
	}
	c.service.accepted.Inc()
	c.handler(c.scope.Context(), w.conn, info)
}

// describe is called with r.mu held.
func (k *socket) describe() Listening {
	l := Listening{Network: k.network, Address: k.address, Since: k.since, Connections: int(k.conns.Load()), Activated: k.activated}
	c := k.current()
	l.Accepting = c != nil && !k.closed
	if c == nil {
		c = k.claims[len(k.claims)-1]
	}
	l.Service, l.TLS, l.Private = c.spec.Service, c.spec.TLS, c.spec.Private
	return l
}
