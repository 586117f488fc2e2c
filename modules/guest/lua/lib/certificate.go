// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // fingerprints are asked for by name
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/tlspolicy"
)

// openSSL is ssl, as far as it is about certificates. TLS itself belongs to
// the server: a context is a table of what it was asked for.
func openSSL(l *lua.LState) int {
	t := tableOf(l, map[string]lua.LGFunction{
		"loadcertificate": loadCertificate,
		"newcontext": func(l *lua.LState) int {
			return failed(l, "TLS is configured by the options of the server; a module can not make a context")
		},
	})
	t.RawSetString("_VERSION", lua.LString("1.3.2"))
	return one(l, t)
}

func loadCertificate(l *lua.LState) int {
	block, _ := pem.Decode([]byte(l.CheckString(1)))
	if block == nil {
		return failed(l, "no PEM data")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return failed(l, err.Error())
	}
	return one(l, Certificate(l, c))
}

// keyCertificates is where the registry keeps the metatable of certificates.
const keyCertificates = "tercet.certificate_mt"

// Certificate makes an object of c, with the methods of LuaSec's x509.
func Certificate(l *lua.LState, c *x509.Certificate) *lua.LUserData {
	registry, _ := l.Get(lua.RegistryIndex).(*lua.LTable)
	meta, ok := registry.RawGetString(keyCertificates).(*lua.LTable)
	if !ok {
		meta = l.NewTable()
		meta.RawSetString("__index", tableOf(l, certificateMethods()))
		meta.RawSetString("__name", lua.LString("SSL:Certificate"))
		registry.RawSetString(keyCertificates, meta)
	}
	u := l.NewUserData()
	u.Value, u.Metatable = c, meta
	return u
}

func certificateMethods() map[string]lua.LGFunction {
	text := func(of func(*x509.Certificate) string) lua.LGFunction {
		return func(l *lua.LState) int { return one(l, lua.LString(of(checkCertificate(l, 1)))) }
	}
	return map[string]lua.LGFunction{
		"pem": text(func(c *x509.Certificate) string {
			return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
		}),
		"serial":    text(func(c *x509.Certificate) string { return hexUpper(c.SerialNumber) }),
		"notbefore": text(func(c *x509.Certificate) string { return opensslTime(c.NotBefore) }),
		"notafter":  text(func(c *x509.Certificate) string { return opensslTime(c.NotAfter) }),
		"subject":   func(l *lua.LState) int { return one(l, nameTable(l, checkCertificate(l, 1).Subject)) },
		"issuer":    func(l *lua.LState) int { return one(l, nameTable(l, checkCertificate(l, 1).Issuer)) },
		"digest":    certificateDigest,
		"validat": func(l *lua.LState) int {
			c, at := checkCertificate(l, 1), time.Unix(int64(checkInt(l, 2)), 0)
			return one(l, lua.LBool(!at.Before(c.NotBefore) && !at.After(c.NotAfter)))
		},
		"extensions": certificateExtensions,
		"issued": func(l *lua.LState) int {
			issuer, c := checkCertificate(l, 1), checkCertificate(l, 2)
			return one(l, lua.LBool(c.CheckSignatureFrom(issuer) == nil))
		},
		"pubkey":           certificateKey,
		"getsignaturename": text(func(c *x509.Certificate) string { return c.SignatureAlgorithm.String() }),
		"setencode":        func(l *lua.LState) int { return one(l, lua.LTrue) }, // all is UTF-8
	}
}

func checkCertificate(l *lua.LState, n int) *x509.Certificate {
	if c, ok := l.CheckUserData(n).Value.(*x509.Certificate); ok {
		return c
	}
	l.ArgError(n, "certificate expected")
	return nil
}

func hexUpper(n *big.Int) string {
	s := n.Text(16)
	if len(s)%2 == 1 {
		s = "0" + s
	}
	b, _ := hex.DecodeString(s)
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, 2*len(b))
	for _, c := range b {
		out = append(out, digits[c>>4], digits[c&15])
	}
	return string(out)
}

// opensslTime is "Nov 22 10:28:45 2026 GMT".
func opensslTime(t time.Time) string { return t.UTC().Format("Jan _2 15:04:05 2006 GMT") }

// names of attribute types in a distinguished name (RFC 4519).
var nameTypes = map[string]string{
	"2.5.4.3": "commonName", "2.5.4.5": "serialNumber", "2.5.4.6": "countryName", "2.5.4.7": "localityName",
	"2.5.4.8": "stateOrProvinceName", "2.5.4.10": "organizationName", "2.5.4.11": "organizationalUnitName",
	"1.2.840.113549.1.9.1": "emailAddress", "0.9.2342.19200300.100.1.25": "domainComponent",
}

func nameTable(l *lua.LState, name pkix.Name) *lua.LTable {
	t := l.NewTable()
	for _, n := range name.Names {
		value, ok := n.Value.(string)
		if !ok {
			continue
		}
		entry := l.NewTable()
		entry.RawSetString("oid", lua.LString(n.Type.String()))
		entry.RawSetString("name", lua.LString(nameTypes[n.Type.String()]))
		entry.RawSetString("value", lua.LString(value))
		t.Append(entry)
	}
	return t
}

func certificateDigest(l *lua.LState) int {
	c := checkCertificate(l, 1)
	algorithm, ok := optString(l, 2)
	if !ok {
		algorithm = "sha1"
	}
	var sum []byte
	switch algorithm {
	case "sha1":
		s := sha1.Sum(c.Raw) //nolint:gosec // see the import
		sum = s[:]
	case "sha256":
		s := sha256.Sum256(c.Raw)
		sum = s[:]
	case "sha384":
		s := sha512.Sum384(c.Raw)
		sum = s[:]
	case "sha512":
		s := sha512.Sum512(c.Raw)
		sum = s[:]
	default:
		return failed(l, "digest algorithm not supported ("+algorithm+")")
	}
	return one(l, lua.LString(hex.EncodeToString(sum)))
}

// certificateExtensions returns the alternative names by the object identifier
// of that extension, those of RFC 6120 section 13.7.1.2 included.
func certificateExtensions(l *lua.LState) int {
	c := checkCertificate(l, 1)
	t := l.NewTable()
	names := l.NewTable()
	list := func(key string, values ...string) {
		if len(values) == 0 {
			return
		}
		at, ok := names.RawGetString(key).(*lua.LTable)
		if !ok {
			at = l.NewTable()
			names.RawSetString(key, at)
		}
		for _, v := range values {
			at.Append(lua.LString(v))
		}
	}
	list("dNSName", c.DNSNames...)
	list("rfc822Name", c.EmailAddresses...)
	for _, ip := range c.IPAddresses {
		list("iPAddress", ip.String())
	}
	for _, u := range c.URIs {
		list("uniformResourceIdentifier", u.String())
	}
	for _, e := range c.Extensions {
		if e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 17}) {
			for oid, name := range tlspolicy.OtherNames(e.Value) {
				list(oid.String(), name)
			}
			names.RawSetString("name", lua.LString("X509v3 Subject Alternative Name"))
			t.RawSetString("2.5.29.17", names)
		}
	}
	return one(l, t)
}

func certificateKey(l *lua.LState) int {
	c := checkCertificate(l, 1)
	der, err := x509.MarshalPKIXPublicKey(c.PublicKey)
	if err != nil {
		return failed(l, err.Error())
	}
	kind, size := "unknown", 0
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		kind, size = "RSA", k.N.BitLen()
	case *ecdsa.PublicKey:
		kind, size = "EC", k.Curve.Params().BitSize
	case ed25519.PublicKey:
		kind, size = "ED25519", 256
	}
	l.Push(lua.LString(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	l.Push(lua.LString(kind))
	l.Push(lua.LNumber(size))
	return 3
}
