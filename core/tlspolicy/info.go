// SPDX-License-Identifier: Apache-2.0

package tlspolicy

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// CertInfo describes the certificate of one host or service.
type CertInfo struct {
	Host, Service       string // Service is set where it has a certificate that is not its host's
	File, Key           string
	Names               []string // DNS, xmppAddr and SRV names
	NotBefore, NotAfter time.Time
	Subject, Issuer     string
	Fingerprint         string // SHA-256 of the certificate, hex with colons
	Pin                 string // SHA-256 of its public key, base64, as in RFC 7469
	TLSA                string // data of a TLSA record: "3 1 1 ..."
	SelfSigned          bool
	Covers              bool // one of the names is the host's
}

// Record is the TLSA record of RFC 6698 for a port of the host.
func (i CertInfo) Record(port int) string {
	return fmt.Sprintf("_%d._tcp.%s. IN TLSA %s", port, toASCII(i.Host), i.TLSA)
}

// Certificates lists the certificates in use, ordered by host. Hosts without
// one are not in it.
func (p *Policy) Certificates() []CertInfo {
	s := p.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []CertInfo
	for _, h := range s.hosts {
		if h.pair != nil {
			all = append(all, describe(h.pair, h.name, ""))
		}
	}
	for k, x := range s.contexts {
		h := s.byName[k.host]
		if h != nil && x.pair != nil && x.pair != h.pair && k.port == "" && k.pair == nil {
			all = append(all, describe(x.pair, h.name, k.service))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(s.defaults)) {
		service, port, _ := strings.Cut(k, " ")
		if p := s.defaults[k]; p != nil && port == "" {
			all = append(all, describe(p, "", service))
		}
	}
	slices.SortFunc(all, func(a, b CertInfo) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Service, b.Service), cmp.Compare(a.File, b.File))
	})
	return slices.CompactFunc(all, func(a, b CertInfo) bool {
		return a.Host == b.Host && a.Service == b.Service && a.File == b.File
	})
}

func describe(p *pair, host, service string) CertInfo {
	leaf := p.cert.Leaf
	whole, key := sha256.Sum256(leaf.Raw), sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	info := CertInfo{
		Host: host, Service: service, File: p.certFile, Key: p.keyFile,
		NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter,
		Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(),
		Fingerprint: colons(whole[:]), Pin: base64.StdEncoding.EncodeToString(key[:]),
		TLSA:       "3 1 1 " + hex.EncodeToString(key[:]),
		SelfSigned: isSelfSigned(leaf), Covers: p.covers(toASCII(host)),
	}
	for _, i := range p.names {
		name := i.name
		if i.service != "" {
			name = "_" + i.service + "." + name
		}
		if !slices.Contains(info.Names, name) {
			info.Names = append(info.Names, name)
		}
	}
	return info
}

func colons(b []byte) string {
	parts := make([]string, len(b))
	for i, x := range b {
		parts[i] = fmt.Sprintf("%02X", x)
	}
	return strings.Join(parts, ":")
}

func readableByAll(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Perm()&0o004 != 0
}
