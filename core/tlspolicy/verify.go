// SPDX-License-Identifier: Apache-2.0

package tlspolicy

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"tercet/config"
)

// trust is whom a service believes about peers' certificates.
type trust struct {
	roots       *x509.CertPool // nil: the system's
	lists       map[string][]*x509.RevocationList
	expiredWarn bool
	depth       int
	anyPurpose  bool
	selfSigned  bool
}

// trustOf reads the authorities and revocation lists of a table, once.
func (s *snapshot) trustOf(t table) *trust {
	file, path := deref(t.CAFile), deref(t.CAPath)
	k := fmt.Sprint([]string{file, path, t.CRLs.String()}, deref(t.CRLExpired), *t.Depth, t.VerifyExt["lsec_ignore_purpose"], t.Verify)
	if tr := s.trusts[k]; tr != nil {
		return tr
	}
	tr := &trust{
		depth: *t.Depth, anyPurpose: t.VerifyExt["lsec_ignore_purpose"], selfSigned: slices.Contains(t.Verify, "selfsigned_peer"),
		expiredWarn: deref(t.CRLExpired) == "warn", lists: make(map[string][]*x509.RevocationList),
	}
	s.trusts[k] = tr
	if file != "" || path != systemCAs {
		tr.roots = s.pool(file, path)
	}
	for _, name := range t.CRLs {
		name = resolvePath(s.c.Dir, name)
		s.watch.look(name)
		if err := tr.addLists(name); err != nil {
			s.warn(config.Value{}, "crlfile: %v", err)
		}
	}
	return tr
}

func deref(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// pool reads authorities from a file and a folder.
func (s *snapshot) pool(file, path string) *x509.CertPool {
	pool := x509.NewCertPool()
	if path == systemCAs {
		system, err := x509.SystemCertPool()
		if err != nil {
			s.warn(config.Value{}, "capath: %v", err)
		} else {
			pool = system
		}
	} else if path != "" {
		s.addFolder(pool, resolvePath(s.c.Dir, path))
	}
	if file != "" {
		s.addCAs(pool, resolvePath(s.c.Dir, file))
	}
	return pool
}

func (s *snapshot) addFolder(pool *x509.CertPool, dir string) {
	s.watch.look(dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		s.warn(config.Value{}, "capath: %v", err)
		return
	}
	for _, e := range entries {
		if name := filepath.Join(dir, e.Name()); beginsWithCertificate(name) {
			s.addCAs(pool, name)
		}
	}
}

func (s *snapshot) addCAs(pool *x509.CertPool, name string) {
	s.watch.look(name)
	b, err := readFile(name)
	if err == nil && !pool.AppendCertsFromPEM(b) {
		err = fmt.Errorf("%s has no certificate", name)
	}
	if err != nil {
		s.warn(config.Value{}, "cafile: %v", err)
	}
}

// addLists reads a file of revocation lists, PEM or DER.
func (tr *trust) addLists(name string) error {
	b, err := readFile(name)
	if err != nil {
		return err
	}
	ders := [][]byte{b}
	if bytes.Contains(b, []byte("-----BEGIN X509 CRL-----")) {
		ders = nil
		for {
			var block *pem.Block
			if block, b = pem.Decode(b); block == nil {
				break
			}
			if block.Type == "X509 CRL" {
				ders = append(ders, block.Bytes)
			}
		}
	}
	for _, der := range ders {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		tr.lists[string(list.RawIssuer)] = append(tr.lists[string(list.RawIssuer)], list)
	}
	return nil
}

// demand asks clients for certificates as verify and verifyext say.
func (tr *trust) demand(conf *tls.Config, t table) {
	has := func(word string) bool { return slices.Contains(t.Verify, word) }
	switch {
	case has("fail_if_no_peer_cert"):
		conf.ClientAuth = tls.RequireAnyClientCert
	case has("peer"), has("selfsigned_peer"):
		conf.ClientAuth = tls.RequestClientCert
	default:
		return
	}
	if t.VerifyExt["lsec_continue"] {
		return
	}
	if t.CAFile != nil {
		conf.ClientCAs = tr.roots // a hint for the client; the system's are too many
	}
	conf.VerifyConnection = func(st tls.ConnectionState) error {
		if len(st.PeerCertificates) == 0 {
			return nil // it had to send one only if ClientAuth says so
		}
		return tr.verify(st.PeerCertificates, x509.ExtKeyUsageClientAuth, time.Now())
	}
}

// verify judges a chain, but not the names in it.
func (tr *trust) verify(certs []*x509.Certificate, usage x509.ExtKeyUsage, now time.Time) error {
	if len(certs) == 0 {
		return errors.New("no certificate was sent")
	}
	leaf := certs[0]
	o := x509.VerifyOptions{
		Roots: tr.roots, Intermediates: x509.NewCertPool(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage},
	}
	if tr.anyPurpose {
		o.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
	}
	for _, c := range certs[1:] {
		o.Intermediates.AddCert(c)
	}
	chains, err := leaf.Verify(o)
	if err != nil && tr.selfSigned && isSelfSigned(leaf) {
		o.Roots = x509.NewCertPool()
		o.Roots.AddCert(leaf) // its dates and purpose count still
		chains, err = leaf.Verify(o)
	}
	if err != nil {
		return err
	}
	for _, chain := range chains { // one good chain is enough
		if err = tr.checkChain(chain, now); err == nil {
			return nil
		}
	}
	return err
}

func isSelfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// checkChain applies depth and revocation lists.
func (tr *trust) checkChain(chain []*x509.Certificate, now time.Time) error {
	if len(chain)-2 > tr.depth {
		return fmt.Errorf("the certificate chain has %d certificates in between, %d are allowed", len(chain)-2, tr.depth)
	}
	for i, c := range chain[:len(chain)-1] {
		if err := tr.checkRevoked(c, chain[i+1], now); err != nil {
			return err
		}
	}
	return nil
}

// checkRevoked looks c up in the lists of its issuer. A list that another key
// has signed counts for nothing.
func (tr *trust) checkRevoked(c, issuer *x509.Certificate, now time.Time) error {
	for _, list := range tr.lists[string(c.RawIssuer)] {
		if list.CheckSignatureFrom(issuer) != nil {
			continue
		}
		for _, e := range list.RevokedCertificateEntries {
			if e.SerialNumber.Cmp(c.SerialNumber) == 0 {
				return fmt.Errorf("the certificate was revoked on %s", e.RevocationTime.UTC().Format(time.DateOnly))
			}
		}
		if !tr.expiredWarn && !list.NextUpdate.IsZero() && now.After(list.NextUpdate) {
			return fmt.Errorf("the revocation list of %s ended on %s", c.Issuer, list.NextUpdate.UTC().Format(time.DateOnly))
		}
	}
	return nil
}
