// SPDX-License-Identifier: Apache-2.0

// Package tlspolicy makes the TLS configurations of each host and service from
// Prosody's options (ssl, c2s_ssl, tls_profile, certificates, ...), finds the
// certificates, and reads them again when their files change (RFC 7590, RFC
// 9325, XEP-0368; Mozilla's server side TLS guideline 5.6).
package tlspolicy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tercet/config"
)

// checkEvery is how often the files are looked at, at most.
const checkEvery = 10 * time.Second

// errNoCertificate refuses a handshake that can not be.
var errNoCertificate = errors.New("no certificate")

// Options are what Load needs beside the config; all may be zero.
type Options struct {
	DataDir string // where `tercet cert` puts certificates; searched last
	Log     *slog.Logger
}

// Policy holds the certificates and rules for TLS of one server.
type Policy struct {
	o       Options
	store   *store
	current atomic.Pointer[snapshot]
	checked atomic.Int64 // when the files were looked at, in Unix nanoseconds
	mu      sync.Mutex   // held while current is replaced
}

// Load reads the options and the certificates. Problems do not keep the policy
// from working: a host without a usable certificate has no TLS, and an option
// that is wrong counts as not given.
func Load(c *config.Config, o Options) (*Policy, []config.Problem) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Policy{o: o, store: newStore()}
	s := build(c, p.o, p.store, nil, time.Now())
	p.current.Store(s)
	p.checked.Store(time.Now().UnixNano())
	return p, config.Sort(s.problems)
}

// Update takes a new config; configurations handed out before follow it. When a
// problem is an error, nothing has changed.
func (p *Policy) Update(c *config.Config) (changed []string, problems []config.Problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	is := build(c, p.o, p.store, nil, time.Now())
	if config.Failed(is.problems) {
		return nil, config.Sort(is.problems)
	}
	return p.replace(is), config.Sort(is.problems)
}

// Reload reads the certificates again and names the hosts, and the services
// with a certificate of their own, whose certificate is another one now. A file
// that can not be used keeps the old certificate and is a problem.
func (p *Policy) Reload() (changed []string, problems []config.Problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reload()
}

// reload is Reload with p.mu held.
func (p *Policy) reload() (changed []string, problems []config.Problem) {
	was := p.current.Load()
	is := build(was.c, p.o, p.store, was, time.Now())
	return p.replace(is), config.Sort(is.problems)
}

// replace makes a snapshot the present one. p.mu is held.
func (p *Policy) replace(is *snapshot) (changed []string) {
	was := p.current.Load()
	for _, h := range is.hosts {
		if old := was.byName[h.name]; old == nil || !samePair(old.pair, h.pair) {
			changed = append(changed, h.name)
		}
	}
	was.mu.Lock()
	for k, pair := range is.defaults {
		old, ok := was.defaults[k]
		if service, port, _ := strings.Cut(k, " "); ok && port == "" && !samePair(old, pair) {
			changed = append(changed, service)
		}
	}
	was.mu.Unlock()
	p.current.Store(is)
	p.checked.Store(time.Now().UnixNano())
	slices.Sort(changed)
	return changed
}

func samePair(a, b *pair) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a == b || a.cert.Leaf.Equal(b.cert.Leaf)
}

// now is the present snapshot; every ten seconds it looks whether files have
// changed first.
func (p *Policy) now() *snapshot {
	last, now := p.checked.Load(), time.Now().UnixNano()
	if now-last < int64(checkEvery) && now >= last || !p.checked.CompareAndSwap(last, now) {
		return p.current.Load()
	}
	s := p.current.Load()
	if !s.watch.changed() || !p.mu.TryLock() {
		return s
	}
	defer p.mu.Unlock()
	changed, problems := p.reload()
	for _, problem := range problems {
		if !slices.Contains(s.problems, problem) {
			p.o.Log.Warn("TLS is not as configured", "err", problem.String())
		}
	}
	if len(changed) > 0 {
		p.o.Log.Info("certificates have changed", "hosts", changed)
	}
	return p.current.Load()
}

// Server is the configuration for STARTTLS on a stream to host ("c2s", "s2s",
// ...). It is nil, without error, when host has no certificate: STARTTLS is
// then not offered. The result is shared, not to be changed, and stays good for
// ever: each handshake uses the certificate and the rules of its moment.
func (p *Policy) Server(host, service string) (*tls.Config, error) {
	s := p.now()
	if s.byName[host] == nil {
		return nil, fmt.Errorf("TLS for %q: no such host", host)
	}
	k := contextKey{host: host, service: service}
	x := s.get(k)
	if x.conf == nil {
		return nil, nil //nolint:nilnil // no certificate is no error
	}
	return p.following(s, x, func(s *snapshot, _ *tls.ClientHelloInfo) *tlsContext { return s.get(k) }), nil
}

// Direct is the configuration for a port that begins with TLS ("https",
// "c2s_direct_tls", ...): SNI chooses the host's certificate and rules, an
// unknown or absent name gets the service's own.
func (p *Policy) Direct(service string, alpn ...string) (*tls.Config, error) {
	return p.DirectPort(service, 0, alpn...)
}

// DirectPort is Direct for one port: <service>_ssl and <service>_certificate
// may hold a table by port.
func (p *Policy) DirectPort(service string, port int, alpn ...string) (*tls.Config, error) {
	k := contextKey{service: service, port: portWord(port), alpn: strings.Join(alpn, " ")}
	s := p.now()
	x := s.direct(k, "")
	if x == nil {
		return nil, fmt.Errorf("TLS for %s: %w", service, errNoCertificate)
	}
	return p.following(s, x, func(s *snapshot, hello *tls.ClientHelloInfo) *tlsContext {
		return s.direct(k, hello.ServerName)
	}), nil
}

// following is a configuration that asks for the present one at each handshake.
// The copy of today's is for those who look into it; it is made once.
func (p *Policy) following(s *snapshot, x *tlsContext, choose func(*snapshot, *tls.ClientHelloInfo) *tlsContext) *tls.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.outer == nil {
		x.outer = x.conf.Clone()
		x.outer.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			x := choose(p.now(), hello)
			if x == nil || x.conf == nil {
				return nil, errNoCertificate
			}
			return x.conf, nil
		}
	}
	return x.outer
}

// Client is the configuration for connections made on behalf of host, which may
// be "". That of "s2s" shows the host's certificate and leaves judging the
// peer's to the caller, who may ask VerifyChain; others verify, unless their
// table says verify = "none".
func (p *Policy) Client(host, service string) (*tls.Config, error) {
	s := p.now()
	if host != "" && s.byName[host] == nil {
		return nil, fmt.Errorf("TLS for %q: no such host", host)
	}
	k := contextKey{host: host, service: service}
	x := s.get(k)
	out := x.table.config()
	out.RootCAs = x.trust.roots
	own := s.says(host, service)
	if s2s := family(service) == "s2s"; s2s || own != nil && slices.Contains(own.Verify, "none") {
		out.InsecureSkipVerify = true
	} else {
		out.VerifyConnection = func(st tls.ConnectionState) error {
			return x.trust.verify(st.PeerCertificates, x509.ExtKeyUsageServerAuth, time.Now())
		}
	}
	out.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if x := p.now().get(k); x.pair != nil {
			return &x.pair.cert, nil
		}
		return &tls.Certificate{}, nil
	}
	return out, nil
}

// says is the most specific table of a service.
func (s *snapshot) says(host, service string) *table {
	if h := s.byName[host]; h != nil && h.tables[service] != nil {
		return h.tables[service]
	}
	return s.tables[service]
}

// VerifyChain judges the certificates that a peer sent to, or for, a service of
// host, but not the names in them. usage is ExtKeyUsageClientAuth for a peer
// that connected to us.
func (p *Policy) VerifyChain(host, service string, certs []*x509.Certificate, usage x509.ExtKeyUsage) error {
	s := p.now()
	if s.byName[host] == nil {
		host = ""
	}
	x := s.get(contextKey{host: host, service: service})
	return x.trust.verify(certs, usage, time.Now())
}
