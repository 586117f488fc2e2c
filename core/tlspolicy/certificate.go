// SPDX-License-Identifier: Apache-2.0

package tlspolicy

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"time"
)

// maxPEM bounds the files that are read whole.
const maxPEM = 1 << 20

// Object identifiers of RFC 6120 13.7.1 and RFC 4985.
var (
	oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidXMPPAddr       = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 5}
	oidSRVName        = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 7}
)

// pair is a certificate with its key, as read from files.
type pair struct {
	certFile, keyFile string
	cert              tls.Certificate // with Leaf
	names             []identity
}

// identity is one name in a certificate.
type identity struct {
	name    string // lower-case ASCII; "*.example.org" is a wildcard
	service string // of an SRV name ("xmpp-client"); "" for all
	kind    string // "DNS", "XMPP", "SRV", "CN"
}

func (p *pair) validAt(t time.Time) bool {
	return !t.Before(p.cert.Leaf.NotBefore) && !t.After(p.cert.Leaf.NotAfter)
}

// covers reports whether a name of the certificate is host's (RFC 9525 6.3).
func (p *pair) covers(host string) bool {
	_, parent, _ := strings.Cut(host, ".")
	return slices.ContainsFunc(p.names, func(i identity) bool {
		return i.name == host || parent != "" && i.name == "*."+parent
	})
}

// readPair reads and checks a certificate and its key.
func readPair(certFile, keyFile, password string) (*pair, error) {
	chain, err := readFile(certFile)
	if err != nil {
		return nil, err
	}
	key := chain
	if keyFile != certFile {
		if key, err = readFile(keyFile); err != nil {
			return nil, err
		}
	}
	if key, err = decrypt(key, password); err != nil {
		return nil, fmt.Errorf("read %s: %w", keyFile, err)
	}
	cert, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", certFile, err)
	}
	if cert.Leaf == nil {
		if cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
			return nil, fmt.Errorf("read %s: %w", certFile, err)
		}
	}
	return &pair{certFile: certFile, keyFile: keyFile, cert: cert, names: identities(cert.Leaf)}, nil
}

// readFile reads a file of bounded size; a FIFO or device is refused.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxPEM {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("no regular file of at most 1 MiB")}
	}
	return os.ReadFile(name)
}

// decrypt opens a key in the old PEM encryption.
func decrypt(key []byte, password string) ([]byte, error) {
	for rest := key; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return key, nil
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" {
			return nil, errors.New("the key is encrypted as PKCS #8; write it as \"openssl pkey -in KEY -out NEWKEY\" does")
		}
		//lint:ignore SA1019 insecure, but what Prosody's password option is for
		if !x509.IsEncryptedPEMBlock(block) { //nolint:staticcheck // the same for golangci-lint
			continue
		}
		if password == "" {
			return nil, errors.New("the key is encrypted and there is no password option")
		}
		//lint:ignore SA1019 as above
		der, err := x509.DecryptPEMBlock(block, []byte(password)) //nolint:staticcheck // the same for golangci-lint
		if _, bad := asn1.Unmarshal(der, &[]asn1.RawValue{}); err == nil && bad != nil {
			err = x509.IncorrectPasswordError // one in 256 leaves a padding that is right
		}
		if err != nil {
			return nil, err
		}
		return pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: der}), nil
	}
}

// beginsWithCertificate is how the folder of certificates is searched: without
// reading all that lies in it.
func beginsWithCertificate(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close() //nolint:errcheck // it is read only
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return false
	}
	const mark = "-----BEGIN CERTIFICATE-----"
	head := make([]byte, len(mark))
	n, _ := f.Read(head)
	return bytes.Equal(head[:n], []byte(mark))
}

// identities lists the names in a certificate. The common name counts only
// where there is no other (as in certificates of before 2011).
func identities(c *x509.Certificate) []identity {
	var all []identity
	add := func(name, service, kind string) {
		i := identity{strings.ToLower(name), service, kind}
		if name != "" && !slices.Contains(all, i) {
			all = append(all, i)
		}
	}
	for _, name := range c.DNSNames {
		add(name, "", "DNS")
	}
	for _, e := range c.Extensions {
		if e.Id.Equal(oidSubjectAltName) {
			addOther(e.Value, add)
		}
	}
	if len(all) == 0 && strings.IndexByte(c.Subject.CommonName, '.') > 0 && !strings.ContainsAny(c.Subject.CommonName, " @/") {
		add(c.Subject.CommonName, "", "CN")
	}
	return all
}

// addOther adds the names that are xmppAddr and SRVName.
func addOther(san []byte, add func(name, service, kind string)) {
	for oid, text := range OtherNames(san) {
		switch {
		case oid.Equal(oidXMPPAddr) && !strings.Contains(text, "@"): // a user's is no host's
			add(toASCII(text), "", "XMPP")
		case oid.Equal(oidSRVName):
			if service, host, ok := strings.Cut(strings.TrimPrefix(text, "_"), "."); ok && strings.HasPrefix(text, "_") {
				add(host, service, "SRV")
			}
		}
	}
}

// OtherNames yields the names of other kinds in a subjectAltName, such as those
// of RFC 6120 section 13.7.1, with their types. What is malformed is passed over
// (RFC 5280 section 4.2.1.6).
func OtherNames(san []byte) iter.Seq2[asn1.ObjectIdentifier, string] {
	return func(yield func(asn1.ObjectIdentifier, string) bool) {
		var seq asn1.RawValue
		if rest, err := asn1.Unmarshal(san, &seq); err != nil || len(rest) > 0 || !seq.IsCompound {
			return
		}
		for rest := seq.Bytes; len(rest) > 0; {
			var name asn1.RawValue
			var err error
			if rest, err = asn1.Unmarshal(rest, &name); err != nil {
				return
			}
			if name.Class != asn1.ClassContextSpecific || name.Tag != 0 {
				continue
			}
			var oid asn1.ObjectIdentifier
			var outer, value asn1.RawValue // OtherName ::= SEQUENCE { OID, [0] EXPLICIT ANY }
			inner, err := asn1.Unmarshal(name.Bytes, &oid)
			if err != nil {
				continue
			}
			if _, err := asn1.Unmarshal(inner, &outer); err != nil || outer.Class != asn1.ClassContextSpecific || outer.Tag != 0 {
				continue
			}
			if _, err := asn1.Unmarshal(outer.Bytes, &value); err != nil {
				continue
			}
			if !yield(oid, string(value.Bytes)) {
				return
			}
		}
	}
}
