// SPDX-License-Identifier: Apache-2.0

package tlspolicy

import (
	"crypto/tls"
	"slices"
	"strings"
)

// suite is a cipher suite of TLS 1.2 and before with its OpenSSL name and the
// words of cipher strings (openssl-ciphers(1)) that select it.
type suite struct {
	id    uint16
	name  string
	words string
}

// suites are those that crypto/tls has, best first; RC4 is left out (RFC 7465).
var suites = []suite{
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256", ecdheECDSA + " AES AES128 AESGCM HIGH TLSv1.2"},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256", ecdheRSA + " AES AES128 AESGCM HIGH TLSv1.2"},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384", ecdheECDSA + " AES AES256 AESGCM HIGH TLSv1.2"},
	{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384", ecdheRSA + " AES AES256 AESGCM HIGH TLSv1.2"},
	{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305", ecdheECDSA + " CHACHA20 HIGH TLSv1.2"},
	{tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305", ecdheRSA + " CHACHA20 HIGH TLSv1.2"},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, "ECDHE-ECDSA-AES128-SHA256", ecdheECDSA + " AES AES128 SHA256 HIGH TLSv1.2"},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, "ECDHE-RSA-AES128-SHA256", ecdheRSA + " AES AES128 SHA256 HIGH TLSv1.2"},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, "ECDHE-ECDSA-AES128-SHA", ecdheECDSA + " AES AES128 SHA SHA1 HIGH TLSv1.0 TLSv1"},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, "ECDHE-RSA-AES128-SHA", ecdheRSA + " AES AES128 SHA SHA1 HIGH TLSv1.0 TLSv1"},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, "ECDHE-ECDSA-AES256-SHA", ecdheECDSA + " AES AES256 SHA SHA1 HIGH TLSv1.0 TLSv1"},
	{tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, "ECDHE-RSA-AES256-SHA", ecdheRSA + " AES AES256 SHA SHA1 HIGH TLSv1.0 TLSv1"},
	{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, "AES128-GCM-SHA256", plainRSA + " AES AES128 AESGCM HIGH TLSv1.2"},
	{tls.TLS_RSA_WITH_AES_256_GCM_SHA384, "AES256-GCM-SHA384", plainRSA + " AES AES256 AESGCM HIGH TLSv1.2"},
	{tls.TLS_RSA_WITH_AES_128_CBC_SHA256, "AES128-SHA256", plainRSA + " AES AES128 SHA256 HIGH TLSv1.2"},
	{tls.TLS_RSA_WITH_AES_128_CBC_SHA, "AES128-SHA", plainRSA + " AES AES128 SHA SHA1 HIGH SSLv3"},
	{tls.TLS_RSA_WITH_AES_256_CBC_SHA, "AES256-SHA", plainRSA + " AES AES256 SHA SHA1 HIGH SSLv3"},
	{tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, "ECDHE-RSA-DES-CBC3-SHA", ecdheRSA + " 3DES SHA SHA1 MEDIUM TLSv1.0 TLSv1"},
	{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, "DES-CBC3-SHA", plainRSA + " 3DES SHA SHA1 MEDIUM SSLv3"},
}

const (
	ecdheECDSA = "ALL ECDHE EECDH kECDHE kEECDH ECDH aECDSA ECDSA"
	ecdheRSA   = "ALL ECDHE EECDH kECDHE kEECDH ECDH aRSA"
	plainRSA   = "ALL kRSA aRSA RSA"
)

// absentWords select suites that crypto/tls does not have: they are known, and
// match nothing.
var absentWords = words("ADH AECDH aDH aDSS aGOST aGOST01 aNULL aPSK ARIA ARIA128 ARIA256 ARIAGCM AESCCM AESCCM8 CAMELLIA " +
	"CAMELLIA128 CAMELLIA256 CBC COMPLEMENTOFALL COMPLEMENTOFDEFAULT DES DH DHE DSS EDH eNULL EXP EXPORT EXPORT40 " +
	"EXPORT56 FZA GOST94 GOST89MAC IDEA kDH kDHd kDHr kDHE kDHEPSK kECDHEPSK kECDHe kECDHr kEDH kFZA kGOST KRB5 kPSK " +
	"kRSAPSK LOW MD5 NULL PSK RC2 RC4 SEED SHA384 SRP SSLv2 kSRP aSRP kSSL SUITEB128 SUITEB128ONLY SUITEB192 aECDH kECDH DES-CBC-SHA")

// forwardSecret are the words of those that DEFAULT selects.
const forwardSecret = "kECDHE"

func words(s string) []string { return strings.Fields(s) }

// parseCiphers maps an OpenSSL cipher string as far as crypto/tls has what it
// selects, in the string's order. It never fails; unknown lists the words that
// mean nothing to it.
func parseCiphers(s string) (ids []uint16, unknown []string) {
	var chosen, banned []suite
	for item := range strings.FieldsFuncSeq(s, func(r rune) bool { return strings.ContainsRune(": ,;", r) }) {
		if strings.HasPrefix(item, "@") { // @STRENGTH, @SECLEVEL=2: our order is by strength
			continue
		}
		op := byte('=')
		if strings.IndexByte("!-+", item[0]) >= 0 {
			op, item = item[0], item[1:]
		}
		matching, ok := selectSuites(item)
		if !ok {
			unknown = append(unknown, item)
			continue
		}
		in := func(x suite) bool { return slices.Contains(matching, x) }
		switch op {
		case '!':
			banned = append(banned, matching...)
			chosen = slices.DeleteFunc(chosen, in)
		case '-':
			chosen = slices.DeleteFunc(chosen, in)
		case '+': // to the end
			var last []suite
			for _, x := range chosen {
				if in(x) {
					last = append(last, x)
				}
			}
			chosen = append(slices.DeleteFunc(chosen, in), last...)
		default:
			for _, x := range matching {
				if !slices.Contains(chosen, x) && !slices.Contains(banned, x) {
					chosen = append(chosen, x)
				}
			}
		}
	}
	for _, x := range chosen {
		ids = append(ids, x.id)
	}
	return ids, unknown
}

// selectSuites returns the suites that all of the words joined by + select.
func selectSuites(item string) (matching []suite, known bool) {
	if strings.HasPrefix(item, "TLS_") {
		return byStandardName(item)
	}
	matching = suites
	for word := range strings.SplitSeq(item, "+") {
		if word == "DEFAULT" {
			word = forwardSecret
		}
		var some []suite
		ok := slices.Contains(absentWords, word) || looksLikeSuite(word)
		for _, x := range suites {
			if x.name == word || slices.Contains(words(x.words), word) {
				ok = true
				if slices.Contains(matching, x) {
					some = append(some, x)
				}
			}
		}
		if !ok {
			return nil, false
		}
		matching = some
	}
	return matching, true
}

// byStandardName takes IANA's names, also those of TLS 1.3, which are always on.
func byStandardName(name string) ([]suite, bool) {
	for _, list := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, c := range list {
			if c.Name != name {
				continue
			}
			i := slices.IndexFunc(suites, func(x suite) bool { return x.id == c.ID })
			if i < 0 {
				return nil, true
			}
			return suites[i : i+1], true
		}
	}
	return nil, strings.Contains(name, "_WITH_")
}

// looksLikeSuite is about names of suites that OpenSSL has and we have not.
func looksLikeSuite(word string) bool {
	return strings.Count(word, "-") >= 1 && (strings.HasSuffix(word, "-SHA") || strings.Contains(word, "-SHA256") ||
		strings.Contains(word, "-SHA384") || strings.HasSuffix(word, "-MD5") || strings.HasSuffix(word, "-POLY1305") ||
		strings.Contains(word, "-CCM"))
}

// parseCurves maps names of groups; what crypto/tls does not have is unknown.
// X25519 brings the hybrid with ML-KEM along: whoever trusts the one loses
// nothing by the other, and old configs can not name it.
func parseCurves(s string) (ids []tls.CurveID, unknown []string) {
	add := func(id tls.CurveID) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for name := range strings.FieldsFuncSeq(s, func(r rune) bool { return strings.ContainsRune(": ,;", r) }) {
		id, ok := curves[strings.ToLower(strings.TrimPrefix(name, "?"))]
		switch {
		case !ok:
			unknown = append(unknown, name)
		case id == tls.X25519:
			add(tls.X25519MLKEM768)
			add(tls.X25519)
		default:
			add(id)
		}
	}
	return ids, unknown
}

var curves = map[string]tls.CurveID{
	"x25519": tls.X25519, "prime256v1": tls.CurveP256, "secp256r1": tls.CurveP256, "p-256": tls.CurveP256,
	"secp384r1": tls.CurveP384, "p-384": tls.CurveP384, "secp521r1": tls.CurveP521, "p-521": tls.CurveP521,
	"x25519mlkem768": tls.X25519MLKEM768, "secp256r1mlkem768": tls.SecP256r1MLKEM768, "secp384r1mlkem1024": tls.SecP384r1MLKEM1024,
}
