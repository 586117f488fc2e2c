// SPDX-License-Identifier: Apache-2.0

package tlspolicy_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tercet/config"
	"tercet/core/tlspolicy"
)

// authority issues certificates for tests.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issued is a certificate with its chain and key.
type issued struct {
	cert       *x509.Certificate
	key        *ecdsa.PrivateKey
	chain, pem []byte // of the key
}

var serial atomic.Int64

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t, key: newKey(t)}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(serial.Add(1)), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.cert, _ = x509.ParseCertificate(der)
	return a
}

// template is what a test may change of a certificate.
type template func(*x509.Certificate)

func dates(from, to time.Duration) template {
	return func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(to)
	}
}

func (a *authority) issue(names []string, changes ...template) issued {
	a.t.Helper()
	key := newKey(a.t)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(serial.Add(1)), Subject: pkix.Name{CommonName: "test"}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(900 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, change := range changes {
		change(tmpl)
	}
	parent, signer := a.cert, a.key
	if tmpl.Issuer.CommonName == "self" {
		parent, signer = tmpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return issued{cert, key, pemOf("CERTIFICATE", der), pemOf("PRIVATE KEY", pkcs8)}
}

func selfSigned(c *x509.Certificate) { c.Issuer.CommonName = "self" }

// sub makes an authority below a.
func (a *authority) sub(name string) *authority {
	i := a.issue(nil, func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.BasicConstraintsValid = name, true, true
		c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageCertSign|x509.KeyUsageCRLSign, nil
	})
	return &authority{a.t, i.cert, i.key}
}

// otherNames puts xmppAddr and SRV names in place of the DNS names.
func otherNames(xmpp, srv []string) template {
	return func(c *x509.Certificate) {
		var all []asn1.RawValue
		add := func(oid asn1.ObjectIdentifier, value, kind string) {
			id, _ := asn1.Marshal(oid)
			v, _ := asn1.MarshalWithParams(value, kind)
			w, _ := asn1.Marshal(asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: v})
			all = append(all, asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: append(id, w...)})
		}
		for _, x := range xmpp {
			add(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 5}, x, "utf8")
		}
		for _, x := range srv {
			add(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 7}, x, "ia5")
		}
		value, _ := asn1.Marshal(all)
		c.DNSNames = nil
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: value}}
	}
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// crl is a revocation list of a that ends at next.
func (a *authority) crl(next time.Time, revoked ...issued) []byte {
	a.t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(serial.Add(1)), ThisUpdate: time.Now().Add(-2 * time.Hour), NextUpdate: next}
	for _, r := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: r.cert.SerialNumber, RevocationTime: time.Now().Add(-time.Hour),
		})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.cert, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return der
}

func (i issued) pair() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{i.cert.Raw}, PrivateKey: i.key, Leaf: i.cert}
}

// site is a folder with a config and certificates.
type site struct {
	t    *testing.T
	dir  string
	ca   *authority
	conf *config.Config
}

func newSite(t *testing.T, hosts ...string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), ca: newAuthority(t, "Test CA")}
	s.conf = newConf(s.dir, hosts...)
	return s
}

func newConf(dir string, hosts ...string) *config.Config {
	c := config.New(filepath.Join(dir, "tercet.cfg.lua"), dir)
	for _, h := range hosts {
		c.Hosts = append(c.Hosts, &config.Section{
			Kind: config.VirtualHost, Name: h, Pos: config.Pos{File: "cfg", Line: 100}, Options: map[string]config.Value{},
		})
	}
	return c
}

type lua = map[string]any

// set sets an option of a host, or of all.
func (s *site) set(host, option string, v any) {
	s.t.Helper()
	section := s.conf.Section(host)
	if section == nil {
		s.t.Fatalf("no host %s", host)
	}
	section.Options[option] = config.Of(config.Pos{File: "cfg", Line: 7}, v)
}

func (s *site) write(name string, parts ...[]byte) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, slices.Concat(parts...), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// put writes x.crt and x.key.
func (s *site) put(stem string, i issued) {
	s.write(stem+".crt", i.chain)
	s.write(stem+".key", i.pem)
}

// load loads the policy; the problems are returned as text.
func (s *site) load() (*tlspolicy.Policy, string) {
	s.t.Helper()
	p, problems := tlspolicy.Load(s.conf, tlspolicy.Options{DataDir: filepath.Join(s.dir, "data")})
	return p, s.text(problems)
}

func (s *site) text(problems []config.Problem) string {
	var lines []string
	for _, p := range problems {
		lines = append(lines, fmt.Sprintf("%s: %s", p.Severity, p))
	}
	return strings.ReplaceAll(strings.Join(lines, "\n"), s.dir+"/", "")
}

func (s *site) mustLoad() *tlspolicy.Policy {
	s.t.Helper()
	p, problems := s.load()
	if problems != "" {
		s.t.Errorf("problems: %s", problems)
	}
	return p
}

// server is Policy.Server without its error.
func server(t *testing.T, p *tlspolicy.Policy, host, service string) *tls.Config {
	t.Helper()
	cfg, err := p.Server(host, service)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// shake does one handshake and returns what each end saw.
func shake(t *testing.T, serve *tls.Config, client *tls.Config) (sees tls.ConnectionState, clientErr, serverErr error) {
	t.Helper()
	if serve == nil {
		t.Fatal("there is no certificate")
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	a.SetDeadline(time.Now().Add(10 * time.Second))
	b.SetDeadline(time.Now().Add(10 * time.Second))
	end := make(chan error, 1)
	go func() {
		s := tls.Server(b, serve)
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte{1})
		}
		end <- err
	}()
	if client == nil {
		client = &tls.Config{}
	}
	client = client.Clone()
	client.InsecureSkipVerify = true
	c := tls.Client(a, client)
	clientErr = c.Handshake()
	if clientErr == nil { // with TLS 1.3 a refusal of our certificate comes afterwards
		_, clientErr = c.Read(make([]byte, 1))
	}
	sees = c.ConnectionState()
	a.Close()
	return sees, clientErr, <-end
}

// shown is the certificate that a server shows.
func shown(t *testing.T, serve *tls.Config, sni string) *x509.Certificate {
	t.Helper()
	st, err, serverErr := shake(t, serve, &tls.Config{ServerName: sni})
	if err != nil {
		t.Fatalf("handshake for %q: %v, %v", sni, err, serverErr)
	}
	return st.PeerCertificates[0]
}

func (i issued) is(c *x509.Certificate) bool { return bytes.Equal(i.cert.Raw, c.Raw) }
