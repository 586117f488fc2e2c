// SPDX-License-Identifier: Apache-2.0

package tlspolicy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// selfSignedFor is how long a certificate of SelfSigned is valid.
const selfSignedFor = 10 * 365 * 24 * time.Hour

// SelfSigned writes a self-signed ECDSA P-256 certificate for the hosts to dir,
// named after the first one: example.org.crt (0640) and example.org.key (0600).
// It overwrites nothing.
func SelfSigned(dir string, hosts []string) (certFile, keyFile string, err error) {
	if len(hosts) == 0 || hosts[0] == "" || strings.ContainsAny(hosts[0], "/\x00") {
		return "", "", errors.New("make certificate: no host that could name it")
	}
	certFile, keyFile = filepath.Join(dir, hosts[0]+".crt"), filepath.Join(dir, hosts[0]+".key")
	chain, key, err := selfSigned(hosts, time.Now())
	if err != nil {
		return "", "", fmt.Errorf("make certificate: %w", err)
	}
	if err := writeNew(keyFile, "PRIVATE KEY", key, 0o600); err != nil {
		return "", "", fmt.Errorf("make certificate: %w", err)
	}
	if err := writeNew(certFile, "CERTIFICATE", chain, 0o640); err != nil {
		_ = os.Remove(keyFile) // the other error says more
		return "", "", fmt.Errorf("make certificate: %w", err)
	}
	return certFile, keyFile, nil
}

func selfSigned(hosts []string, now time.Time) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if key, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	names, err := alternativeNames(hosts)
	if err != nil {
		return nil, nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		Subject:      pkix.Name{CommonName: shorten(toASCII(hosts[0]), 64)},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(selfSignedFor),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		ExtraExtensions:       []pkix.Extension{names},
	}
	cert, err = x509.CreateCertificate(rand.Reader, t, t, private.Public(), private)
	return cert, key, err
}

// alternativeNames are for each host a dNSName, in ASCII, and an xmppAddr, in
// UTF-8 (RFC 6120 13.7.1.2). crypto/x509 can not make the latter.
func alternativeNames(hosts []string) (pkix.Extension, error) {
	var names []asn1.RawValue
	for _, h := range hosts {
		names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte(toASCII(h))})
	}
	for _, h := range hosts {
		oid, err := asn1.Marshal(oidXMPPAddr)
		if err != nil {
			return pkix.Extension{}, err
		}
		value, err := asn1.MarshalWithParams(h, "utf8")
		if err != nil {
			return pkix.Extension{}, err
		}
		wrapped, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: value})
		if err != nil {
			return pkix.Extension{}, err
		}
		names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: append(oid, wrapped...)})
	}
	value, err := asn1.Marshal(names)
	return pkix.Extension{Id: oidSubjectAltName, Value: value}, err
}

func shorten(s string, n int) string { return s[:min(len(s), n)] }

// writeNew writes a PEM file that was not there, with that mode from its first
// moment.
func writeNew(name, kind string, der []byte, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	err = f.Chmod(mode) // whatever the umask
	if err == nil {
		err = pem.Encode(f, &pem.Block{Type: kind, Bytes: der})
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
