// SPDX-License-Identifier: Apache-2.0

// Package tlspolicy makes the TLS configurations of each host and service from
// Prosody's options (ssl, c2s_ssl, tls_profile, certificates, ...), finds the
// certificates, and reads them again when their files change (RFC 7590, RFC
// 9325, XEP-0368; Mozilla's server side TLS guideline 5.6).
package tlspolicy

import (
	"crypto/tls"
	"log/slog"
	"time"

	"tercet/config"
)

// Options are what Load needs beside the config; all may be zero.
type Options struct {
	DataDir string // where `tercet cert` puts certificates; searched last
	Log     *slog.Logger
}

// Policy holds the certificates and rules for TLS of one server.
type Policy struct{}

// Load reads the options and the certificates. Problems do not keep the policy
// from working: a host without a usable certificate has no TLS.
func Load(c *config.Config, o Options) (*Policy, []config.Problem) { panic("soon") }

// Server is the configuration for STARTTLS on a stream to host ("c2s", "s2s",
// ...). It is nil, without error, when host has no certificate: STARTTLS is
// then not offered. The result stays good for ever: each handshake uses the
// certificate and the rules of its moment.
func (p *Policy) Server(host, service string) (*tls.Config, error) { panic("soon") }

// Direct is the configuration for a port that begins with TLS ("https",
// "c2s_direct_tls", ...): SNI chooses the host's certificate and rules, an
// unknown or absent name gets the service's own.
func (p *Policy) Direct(service string, alpn ...string) (*tls.Config, error) { panic("soon") }

// DirectPort is Direct for one port: <service>_ssl and <service>_certificate
// may hold a table by port.
func (p *Policy) DirectPort(service string, port int, alpn ...string) (*tls.Config, error) {
	panic("soon")
}

// Client is the configuration for connections made on behalf of host. That of
// "s2s" shows the host's certificate and leaves judging the peer's to the
// caller (InsecureSkipVerify; RootCAs are set); others verify.
func (p *Policy) Client(host, service string) (*tls.Config, error) { panic("soon") }

// Update takes a new config; configurations handed out before follow it.
func (p *Policy) Update(c *config.Config) (changed []string, problems []config.Problem) {
	panic("soon")
}

// Reload reads the certificates again and names the hosts whose certificate is
// another one now. A file that can not be used keeps the old certificate.
func (p *Policy) Reload() (changed []string, problems []config.Problem) { panic("soon") }

// CertInfo describes the certificate of one host or service.
type CertInfo struct {
	Host, Service       string // Service is set for a direct TLS port's own certificate
	File, Key           string
	Names               []string // DNS, xmppAddr and SRV names
	NotBefore, NotAfter time.Time
	Subject, Issuer     string
	Fingerprint         string // SHA-256 of the certificate, hex with colons
	Pin                 string // SHA-256 of its public key, base64, as in HPKP and RFC 7469
	TLSA                string // DNS record "3 1 1" for the host
	SelfSigned          bool
	Covers              bool // one of the names is the host's
}

// Certificates lists the certificates in use, ordered by host.
func (p *Policy) Certificates() []CertInfo { panic("soon") }

// SelfSigned writes a self-signed ECDSA P-256 certificate for the hosts to dir,
// named after the first one. It overwrites nothing.
func SelfSigned(dir string, hosts []string) (certFile, keyFile string, err error) { panic("soon") }
