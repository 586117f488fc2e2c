// SPDX-License-Identifier: Apache-2.0

// Package c2s accepts streams from clients (RFC 6120), by STARTTLS or direct
// TLS (XEP-0368), and advertises its limits (XEP-0478).
package c2s

import (
	"context"
	"net"
	"net/netip"
	"time"

	"tercet/config"
	"tercet/core/element"
	"tercet/core/jid"
	"tercet/core/listen"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/slot"
	"tercet/core/stream"
	"tercet/core/transport"
)

// Module is the client-to-server module.
var Module = module.Define("c2s", module.OnServer, defaults, load).Auto()

type options struct {
	module.Interfaces
	Ports        module.Ports  `lua:"c2s_ports" doc:"Ports for streams that begin in clear and go on by STARTTLS."`
	DirectPorts  module.Ports  `lua:"c2s_direct_tls_ports,legacy_ssl_ports" doc:"Ports for streams that begin with TLS."`
	Own          []string      `lua:"c2s_interfaces,c2s_interface" doc:"Addresses to listen on; without it the option interfaces counts."`
	OwnDirect    []string      `lua:"c2s_direct_tls_interfaces,legacy_ssl_interfaces" doc:"The same for direct TLS."`
	Timeout      time.Duration `lua:"c2s_timeout" min:"0" doc:"Time that a client has from connecting to a bound resource."`
	CloseTimeout time.Duration `lua:"c2s_close_timeout" min:"0" doc:"Time to wait for a client to hang up after the stream has ended."`
	Park         time.Duration `lua:"c2s_park_after" min:"0" doc:"Silence after which a bound stream gives its goroutine and buffers back until something comes; 0: never."`
	KeepAlives   bool          `lua:"c2s_tcp_keepalives,tcp_keepalives" doc:"Have the system probe silent connections."`
	Network      network       `lua:"network_settings" doc:"Table: read_timeout, send_timeout, tcp_backlog."`
	Unauthed     config.Size   `lua:"c2s_unauthed_stanza_size_limit" min:"512" doc:"Most bytes of one element before authentication."`
	Authed       config.Size   `lua:"c2s_stanza_size_limit" min:"10000" doc:"Most bytes of one stanza afterwards."`
	Children     int           `lua:"c2s_max_child_elements" min:"100" doc:"Most elements in one stanza."`
	Outbox       config.Size   `lua:"c2s_max_outbox" min:"65536" doc:"Most bytes that wait for a client which does not read."`
	Outboxes     config.Size   `lua:"c2s_max_outboxes" min:"1048576" doc:"Most bytes that wait for all such clients together, beside 64 KiB each."`
	PerAddress   int           `lua:"c2s_max_connections_per_address" min:"0" doc:"Most connections at a time from one IPv4 address or IPv6 /64; 0 is no limit."`
	Rate         int           `lua:"c2s_connection_rate" min:"0" doc:"Most new connections a second from one address; 0 is no limit."`
	Burst        int           `lua:"c2s_connection_burst" min:"1" doc:"New connections from one address that may come at once."`
	Handshakes   int           `lua:"c2s_max_handshakes" min:"1" doc:"Most TLS handshakes at work at a time."`
	Proxies      []string      `lua:"c2s_proxy_protocol_from" doc:"Addresses and networks whose connections begin with a PROXY header (v1 or v2)."`
}

type network struct {
	Read    time.Duration `lua:"read_timeout" min:"1s" doc:"Silence after which a client is probed."`
	Send    time.Duration `lua:"send_timeout" min:"1s" doc:"Time without progress after which a client that does not read is given up."`
	Backlog int           `lua:"tcp_backlog" min:"1" doc:"Connections that wait to be accepted."`
}

var defaults = options{
	Interfaces: module.DefaultInterfaces,
	Ports:      module.Ports{5222}, Timeout: 5 * time.Minute, CloseTimeout: 5 * time.Second, Park: 10 * time.Second, KeepAlives: true,
	Network:  network{Read: 14 * time.Minute, Send: 3 * time.Minute, Backlog: 128},
	Unauthed: 10_000, Authed: 262_144, Children: 25_000, Outbox: 8 << 20, Outboxes: 16 << 20,
	PerAddress: 0, Rate: 0, Burst: 20, Handshakes: 64,
}

// highWater is what may wait for a client before its own stream is not read
// any more: it pays for what it asks.
const highWater = 256 << 10

// budget is that of all streams, also of those that an earlier instance has
// accepted.
var budget = slot.New[transport.Budget]("c2s-outboxes")

func load(s *module.Scope, o options) error {
	a := &acceptor{options: o, scope: s, budget: budget.Of(s.Env)}
	a.before, a.after = a.limitsFor(a.Unauthed), a.limitsFor(a.Authed)
	a.streams = a.streamOptions()
	trusted, err := prefixes(o.Proxies)
	if err != nil {
		return err
	}
	listen.Services.Set(s, "c2s", a.handler(false))
	listen.Services.Set(s, "c2s_direct_tls", a.handler(true))
	for _, addr := range o.Addresses(o.Own, false, o.Ports) {
		if err := a.listen(addr, "starttls", "c2s", trusted); err != nil {
			return err
		}
	}
	own := o.OwnDirect
	if len(own) == 0 {
		own = o.Own
	}
	for _, addr := range o.Addresses(own, false, o.DirectPorts) {
		if err := a.listen(addr, "direct", "c2s_direct_tls", trusted); err != nil {
			return err
		}
	}
	s.Env.Metrics.GaugeFunc("streams_parked", "Streams that have no goroutine while they are silent.",
		func() float64 { return float64(s.Env.Streams.Parked()) }) // of all instances of the module
	s.EachHost(a.host)
	s.Go(func(context.Context) { a.budget.Resize(int64(o.Outboxes)) }) // when it is live
	return nil
}

// host marks a host as one that clients may connect to.
func (a *acceptor) host(s *module.Scope) error {
	enabled.Offer(s, a)
	stream.Features.Handle(s, -10, a.limits)
	stream.Idle.Handle(s, -1, keepAlive)
	return nil
}

// acceptor makes streams of connections.
type acceptor struct {
	options
	scope  *module.Scope
	budget *transport.Budget // of what waits for clients

	streams *stream.Options

	before, after element.Element // what is told of limits, before authentication and after
}

func (a *acceptor) listen(addr, tlsMode, service string, trusted []netip.Prefix) error {
	spec := listen.Spec{
		Service: service, Network: "tcp", Address: addr, TLS: tlsMode,
		MaxPerAddress: a.PerAddress, Rate: a.Rate, Burst: a.Burst, MaxHandshakes: a.Handshakes,
		Backlog: a.Network.Backlog,
	}
	if !a.KeepAlives {
		spec.TCPKeepAlive = -1
	}
	if len(trusted) > 0 {
		spec.Proxy = &listen.ProxyOptions{Trusted: trusted}
	}
	return a.scope.Env.Listeners.Listen(a.scope.Scope, spec, a.handler(tlsMode == "direct"))
}

func (a *acceptor) streamOptions() *stream.Options {
	env := a.scope.Env
	return &stream.Options{
		Kind: "c2s", Content: element.NSClient,
		Limits:      element.Limits{Bytes: int(a.Unauthed), Depth: 16, Attrs: 32, Children: 256},
		Negotiation: a.Timeout, Idle: a.Network.Read, Park: a.Park, HighWater: highWater,
		Log: env.Log, Open: open(env),
		Authed: element.Limits{Bytes: int(a.Authed), Depth: 128, Attrs: 64, Children: a.Children},
	}
}

func (a *acceptor) handler(direct bool) listen.Handler {
	return func(ctx context.Context, c net.Conn, info listen.Info) { a.accept(ctx, c, info, direct) }
}

func (a *acceptor) accept(ctx context.Context, c net.Conn, info listen.Info, direct bool) {
	env := a.scope.Env
	var st *stream.Stream
	conn := transport.New(c, transport.Options{
		HighWater: highWater, Limit: int(a.Outbox), SendTimeout: a.Network.Send, Linger: max(a.CloseTimeout, time.Millisecond),
		Handshakes: info.Handshakes, Budget: a.budget,
		OnStuck: func(transport.Reason) { st.End(stream.Fail(stream.ResourceConstraint, "")) },
	})
	st = stream.New(conn, info.Remote, a.streams)
	if !direct {
		env.Streams.Start(st, nil)
		return
	}
	cfg, err := env.TLS.Direct("c2s_direct_tls", "xmpp-client")
	if err != nil || cfg == nil {
		env.Log.WarnContext(ctx, "direct TLS without a certificate", "service", "c2s_direct_tls", "err", err)
		_ = conn.Close() // nothing was said on it
		return
	}
	env.Streams.Start(st, cfg)
}

// open finds the host of a stream header.
func open(env *module.Env) func(*stream.Stream, element.Header) error {
	return func(st *stream.Stream, h element.Header) error {
		if h.To == "" {
			return stream.Fail(stream.ImproperAddressing, "to is missing")
		}
		to, err := jid.Parse(h.To)
		if err != nil || !to.IsDomain() {
			return stream.Fail(stream.ImproperAddressing, "to is not a domain")
		}
		host := env.Router.Host(to.Domain())
		if host == nil {
			return stream.Fail(stream.HostUnknown, "this server does not serve "+to.Domain())
		}
		if !serves(host) {
			return stream.Fail(stream.HostUnknown, "clients cannot connect to "+to.Domain())
		}
		st.Enter(host.Name, host.Table)
		return nil
	}
}

func serves(h *route.Host) bool {
	p := h.Table.Enter()
	defer p.Leave()
	_, ok := enabled.In(p)
	return ok && !h.Component
}

func prefixes(list []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, s := range list {
		if p, err := netip.ParsePrefix(s); err == nil {
			all = append(all, p.Masked())
			continue
		}
		ip, err := netip.ParseAddr(s)
		if err != nil {
			return nil, err
		}
		all = append(all, netip.PrefixFrom(ip, ip.BitLen()))
	}
	return all, nil
}
