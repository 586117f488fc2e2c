// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"time"
	"weak"
)

var errTLSTwice = errors.New("TLS is already in use")

// StartTLS is the server's side of STARTTLS (RFC 6120 5.4), after <proceed/>
// has been appended: it sends what is in the outbox, then shakes hands and
// blocks until that is done or ctx is over. plain is what the caller's parser
// still holds; a byte of it, or a first byte on the wire that begins no
// handshake, is ErrPlaintextAfterStartTLS: somebody put words into the
// client's mouth (CVE-2011-0411). After an error only Close is left.
//
// cfg must not change any more. Session tickets and dynamic record sizes are
// off in a connection whatever cfg says.
func (c *Conn) StartTLS(ctx context.Context, cfg *tls.Config, plain ...[]byte) error {
	if err := c.refuse(plain); err != nil {
		return err
	}
	return c.handshake(ctx, c.server, serverConfigs.of(cfg, serverConfig), true)
}

// DirectTLS is the server's side of a connection that begins with TLS (XEP-0368).
func (c *Conn) DirectTLS(ctx context.Context, cfg *tls.Config) error {
	return c.handshake(ctx, c.server, serverConfigs.of(cfg, serverConfig), false)
}

// ClientTLS is the client's side, direct or after <proceed/>; plain is as in
// StartTLS. Servers are silent before the ClientHello, so that any byte
// already here is ErrPlaintextAfterStartTLS.
func (c *Conn) ClientTLS(ctx context.Context, cfg *tls.Config, plain ...[]byte) error {
	if c.in.ready() {
		plain = append(plain, []byte{0})
	}
	if err := c.refuse(plain); err != nil {
		return err
	}
	return c.handshake(ctx, tls.Client, clientConfigs.of(cfg, clientConfig), false)
}

// refuse looks at what a parser holds at the time of the handshake.
func (c *Conn) refuse(plain [][]byte) error {
	for _, p := range plain {
		if len(p) > 0 {
			c.in.stop(ErrPlaintextAfterStartTLS)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.failLocked(ErrPlaintextAfterStartTLS)
			return ErrPlaintextAfterStartTLS
		}
	}
	return nil
}

// handshake runs one side of it; hello: nothing but a handshake may come first.
func (c *Conn) handshake(ctx context.Context, side func(net.Conn, *tls.Config) *tls.Conn, cfg *tls.Config, hello bool) error {
	if err := c.beginHandshake(ctx); err != nil {
		return err
	}
	c.in.records, c.in.hello, c.in.short = true, hello, false
	c.place = newPlace(ctx, c.o.Handshakes)
	t, err := c.shake(ctx, side, cfg)
	c.place.give()
	c.place = nil
	c.endHandshake(t, err)
	if err == nil {
		c.Flush()
		return nil
	}
	c.in.stop(err)
	if cause := c.Cause(); c.ended.Load() {
		return cause
	}
	return fmt.Errorf("tls handshake: %w", err)
}

// shake is tls.Conn.HandshakeContext without the goroutine that this keeps.
func (c *Conn) shake(ctx context.Context, side func(net.Conn, *tls.Config) *tls.Conn, cfg *tls.Config) (*tls.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = (*under)(c).Close() }) // which only sets a deadline
	defer stop()
	t := side((*under)(c), cfg)
	err := t.Handshake() //nolint:noctx // stop does what HandshakeContext keeps a goroutine for
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return t, err
}

// server is tls.Server once the ClientHello is there: a peer that says nothing
// has neither a tls.Conn nor a large stack.
func (c *Conn) server(nc net.Conn, cfg *tls.Config) *tls.Conn {
	_ = c.next() // the handshake meets the error again
	growStack()
	return tls.Server(nc, cfg)
}

// handshakeStack is about what a handshake needs. To grow to it step by step,
// each time below twenty frames that are to be moved, cost a tenth of a login.
const handshakeStack = 10 << 10

//go:noinline
func growStack() byte {
	var room [handshakeStack]byte
	return room[len(os.Args)&1] // so that there is a room at all
}

// beginHandshake empties the outbox and takes the turn of writing until
// endHandshake: what others append meanwhile is sent under TLS.
func (c *Conn) beginHandshake(ctx context.Context) error {
	for {
		err := c.waitBelow(1, time.Time{}, ctx.Done(), false)
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("send before tls handshake: %w", err)
		}
		c.mu.Lock()
		switch {
		case c.tls != nil || c.in.records:
			c.mu.Unlock()
			return errTLSTwice
		case c.ended.Load() || c.writeErr != nil || c.phase >= closing:
			defer c.mu.Unlock()
			return c.cause
		case c.out.size() == 0 && !c.out.writing:
			c.phase, c.blocking, c.out.writing = shaking, true, true
			c.mu.Unlock()
			return nil
		}
		c.mu.Unlock()
	}
}

func (c *Conn) endHandshake(t *tls.Conn, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phase, c.blocking, c.out.writing = open, false, false
	if err != nil {
		c.failLocked(err)
		return
	}
	c.tls, c.version = t, t.ConnectionState().Version
}

// TLS describes the handshake; false without TLS. Nothing of it is kept in a
// second copy: hold it only as long as you need it.
func (c *Conn) TLS() (tls.ConnectionState, bool) {
	c.mu.Lock()
	t := c.tls
	c.mu.Unlock()
	if t == nil {
		return tls.ConnectionState{}, false
	}
	return t.ConnectionState(), true
}

// ServerCertificate is the certificate that the server showed, ours or the
// peer's; nil without TLS.
func (c *Conn) ServerCertificate() *x509.Certificate {
	c.mu.Lock()
	t, own := c.tls, c.cert
	c.mu.Unlock()
	switch {
	case t == nil:
		return nil
	case own == nil:
		if peers := t.ConnectionState().PeerCertificates; len(peers) > 0 {
			return peers[0]
		}
		return nil
	case own.Leaf != nil:
		return own.Leaf
	}
	leaf, err := x509.ParseCertificate(own.Certificate[0])
	if err != nil {
		return nil
	}
	return leaf
}

// ChannelBinding returns the data of "tls-exporter" (RFC 9266), "tls-unique"
// or "tls-server-end-point" (RFC 5929 3 and 4); false when this connection
// has none of that type.
func (c *Conn) ChannelBinding(typ string) ([]byte, bool) {
	s, ok := c.TLS()
	if !ok {
		return nil, false
	}
	switch typ {
	case "tls-exporter": // not nil: RFC 9266 asks for a context of no bytes, TLS 1.2 tells it from none
		b, err := s.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
		return b, err == nil
	case "tls-unique":
		return s.TLSUnique, s.Version < tls.VersionTLS13 && len(s.TLSUnique) > 0
	case "tls-server-end-point":
		return endPoint(c.ServerCertificate())
	}
	return nil, false
}

// Binds reports whether ChannelBinding has that type, and computes nothing
// where TLS 1.3 makes it sure.
func (c *Conn) Binds(typ string) bool {
	c.mu.Lock()
	version := c.version
	c.mu.Unlock()
	switch {
	case version >= tls.VersionTLS13 && typ == "tls-exporter":
		return true
	case version >= tls.VersionTLS13 && typ == "tls-unique":
		return false
	}
	_, ok := c.ChannelBinding(typ)
	return ok
}

// endPoint is RFC 5929 4.1: the hash of the signature, SHA-256 for MD5 and
// SHA-1, nothing for a signature without a hash.
func endPoint(cert *x509.Certificate) ([]byte, bool) {
	if cert == nil {
		return nil, false
	}
	hash := crypto.SHA256
	switch cert.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		hash = crypto.SHA384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		hash = crypto.SHA512
	case x509.UnknownSignatureAlgorithm, x509.PureEd25519:
		return nil, false
	default:
	}
	h := hash.New()
	h.Write(cert.Raw)
	return h.Sum(nil), true
}

// configs keeps one prepared copy per configuration that is in use, so that
// connections share it. It holds neither: both ends are weak pointers.
type configs struct {
	made sync.Map // weak.Pointer[tls.Config] -> weak.Pointer[tls.Config]
}

var serverConfigs, clientConfigs configs

func (s *configs) of(cfg *tls.Config, prepare func(*tls.Config) *tls.Config) *tls.Config {
	key := weak.Make(cfg)
	if v, ok := s.made.Load(key); ok {
		if p := v.(weak.Pointer[tls.Config]).Value(); p != nil {
			return p
		}
	}
	p := prepare(cfg)
	made := weak.Make(p)
	s.made.Store(key, made)
	runtime.AddCleanup(p, func(k weak.Pointer[tls.Config]) { s.made.CompareAndDelete(k, made) }, key)
	return p
}

func clientConfig(cfg *tls.Config) *tls.Config {
	p := cfg.Clone()
	p.DynamicRecordSizingDisabled, p.Renegotiation = true, tls.RenegotiateNever
	return p
}

// serverConfig is cfg with a note of the certificate shown, which crypto/tls
// does not tell and tls-server-end-point needs. A resumed session shows none:
// tickets are off, they gain nothing (performance.md rule 17).
func serverConfig(cfg *tls.Config) *tls.Config {
	p := clientConfig(cfg)
	p.SessionTicketsDisabled = true
	certs, get, per := cfg.Certificates, cfg.GetCertificate, cfg.GetConfigForClient
	p.Certificates = nil
	p.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		cert, err := choose(hello, certs, get)
		if u, ok := hello.Conn.(*under); ok && err == nil {
			(*Conn)(u).showed(cert)
		}
		return cert, err
	}
	if per != nil {
		p.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			chosen, err := per(hello)
			if chosen == nil || err != nil {
				return nil, err
			}
			return serverConfigs.of(chosen, serverConfig), nil
		}
	}
	return p
}

func (c *Conn) showed(cert *tls.Certificate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cert = cert
}

// choose is how tls.Config picks a certificate.
func choose(hello *tls.ClientHelloInfo, certs []tls.Certificate, get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) (*tls.Certificate, error) {
	if get != nil && (len(certs) == 0 || hello.ServerName != "") {
		if cert, err := get(hello); cert != nil || err != nil {
			return cert, err
		}
	}
	if len(certs) == 0 {
		return nil, nil
	}
	for i := range certs {
		if len(certs) > 1 && hello.SupportsCertificate(&certs[i]) == nil {
			return &certs[i], nil
		}
	}
	return &certs[0], nil
}
