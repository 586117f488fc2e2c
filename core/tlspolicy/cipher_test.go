// SPDX-License-Identifier: Apache-2.0

package tlspolicy

import (
	"crypto/tls"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func suiteNames(ids []uint16) string {
	var names []string
	for _, id := range ids {
		for _, x := range suites {
			if x.id == id {
				names = append(names, x.name)
			}
		}
	}
	return strings.Join(names, ":")
}

func TestParseCiphers(t *testing.T) {
	const aead = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
	const chacha = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
	tests := []struct{ in, want, unknown string }{
		{"", "", ""},
		{"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", ""},
		{"ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256", ""},
		{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 TLS_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", ""},
		{"TLS_RSA_WITH_RC4_128_SHA", "", ""},
		{"EECDH+AESGCM", aead, ""},
		{"kECDHE+AESGCM:kECDHE+CHACHA20", aead + ":" + chacha, ""},
		{"kECDHE+CHACHA20,kECDHE+AESGCM", chacha + ":" + aead, ""},
		{"kECDHE+AESGCM:kECDHE+CHACHA20:+AESGCM", chacha + ":" + aead, ""},
		{"EECDH+AESGCM:!aRSA", "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384", ""},
		{"!AES256:EECDH+aRSA+AESGCM", "ECDHE-RSA-AES128-GCM-SHA256", ""},
		{"EECDH+aRSA+AESGCM:-AES256:ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384", ""},
		{"EECDH+aRSA+AESGCM:!AES256:ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", ""},
		{"kRSA+3DES:@STRENGTH:@SECLEVEL=2", "DES-CBC3-SHA", ""},
		{"DHE-RSA-AES256-GCM-SHA384:kEDH:ADH:aNULL:eNULL:RC4:PSK:CAMELLIA", "", ""},
		{"HIHG:EECDH+AESGCM:EECDH+AEGCM", aead, "HIHG EECDH+AEGCM"},
		{"-:!:+", "", "  "},
	}
	for _, tt := range tests {
		ids, unknown := parseCiphers(tt.in)
		if got := suiteNames(ids); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.in, got, tt.want)
		}
		if got := strings.Join(unknown, " "); got != tt.unknown {
			t.Errorf("%s: unknown: got %q, want %q", tt.in, got, tt.unknown)
		}
	}
}

// Strings of real configs select what OpenSSL selects of the suites that
// crypto/tls has. 3DES and RC4 are left out: OpenSSL builds differ in them.
func TestCiphersAgreeWithOpenSSL(t *testing.T) {
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl")
	}
	for _, in := range []string{
		"HIGH+kEECDH:HIGH+kEDH:HIGH:!PSK:!SRP:!3DES:!aNULL",
		"HIGH+kEDH:HIGH+kEECDH:HIGH:!PSK:!SRP:!3DES:!aNULL",
		"EECDH+ECDSA+AESGCM:EECDH+aRSA+AESGCM:EECDH+ECDSA+SHA384:EECDH+ECDSA+SHA256:EECDH+aRSA+SHA384:EECDH+aRSA+SHA256:EECDH+aRSA+RC4:EECDH:EDH+aRSA:!RC4:!aNULL:!eNULL:!LOW:!3DES:!MD5:!EXP:!PSK:!SRP:!DSS",
		"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384",
		"ALL:!COMPLEMENTOFALL:!aNULL:!eNULL:!3DES",
		"AES256+EECDH:AES256+EDH:!aNULL", "ECDH+AESGCM", "HIGH:!aNULL:!MD5", "RSA+AES", "kRSA", "aRSA+SHA256", "ECDSA+SHA384",
		"TLSv1.2+HIGH:!aNULL", "TLSv1:!3DES:!aNULL", "SSLv3:!3DES:!aNULL:!eNULL", "HIGH:-AES128:AES128-SHA", "AES128:AES256:-SHA1",
		"CHACHA20", "AESGCM:+kRSA", "ECDHE+AES:!SHA1:!SHA256:!SHA384", "SHA1+AES:!DHE",
	} {
		out, err := exec.Command(path, "ciphers", "-s", "-tls1_2", in+":@SECLEVEL=0").Output()
		if err != nil {
			t.Errorf("openssl ciphers %s: %v", in, err)
			continue
		}
		var want []string
		for name := range strings.SplitSeq(strings.TrimSpace(string(out)), ":") {
			if !strings.Contains(name, "DES") && slices.ContainsFunc(suites, func(x suite) bool { return x.name == name }) {
				want = append(want, name)
			}
		}
		ids, unknown := parseCiphers(in)
		ids = slices.DeleteFunc(ids, func(id uint16) bool { return strings.Contains(suiteNames([]uint16{id}), "DES") })
		var got []string
		if len(ids) > 0 {
			got = strings.Split(suiteNames(ids), ":")
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %v\nwant %v", in, got, want)
		}
		if len(unknown) > 0 {
			t.Errorf("%s: unknown %q", in, unknown)
		}
	}
}

// Each suite of ours is one of crypto/tls, under its right name.
func TestSuitesAreKnown(t *testing.T) {
	all := append(tls.CipherSuites(), tls.InsecureCipherSuites()...)
	for _, x := range suites {
		i := slices.IndexFunc(all, func(c *tls.CipherSuite) bool { return c.ID == x.id })
		if i < 0 || slices.Contains(all[i].SupportedVersions, tls.VersionTLS13) {
			t.Errorf("%s is no suite of TLS 1.2", x.name)
		}
	}
	for _, c := range all {
		known := slices.ContainsFunc(suites, func(x suite) bool { return x.id == c.ID })
		if !known && !strings.Contains(c.Name, "RC4") && !slices.Contains(c.SupportedVersions, tls.VersionTLS13) {
			t.Errorf("%s is missing", c.Name)
		}
	}
}

func TestParseCurves(t *testing.T) {
	tests := []struct {
		in      string
		want    []tls.CurveID
		unknown string
	}{
		{"X25519:P-256:P-384", []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384}, ""},
		{"secp384r1", []tls.CurveID{tls.CurveP384}, ""},
		{"prime256v1:secp256r1", []tls.CurveID{tls.CurveP256}, ""},
		{"X25519MLKEM768:?secp521r1", []tls.CurveID{tls.X25519MLKEM768, tls.CurveP521}, ""},
		{"X448:brainpoolP256r1", nil, "X448 brainpoolP256r1"},
	}
	for _, tt := range tests {
		got, unknown := parseCurves(tt.in)
		if !slices.Equal(got, tt.want) || strings.Join(unknown, " ") != tt.unknown {
			t.Errorf("%s: got %v %v, want %v %s", tt.in, got, unknown, tt.want, tt.unknown)
		}
	}
}

// Samples of RFC 3492 7.1 and names that are in use.
func TestToASCII(t *testing.T) {
	for in, want := range map[string]string{
		"example.org":         "example.org",
		"Example.ORG.":        "example.org",
		"bücher.example":      "xn--bcher-kva.example",
		"münchen.example.org": "xn--mnchen-3ya.example.org",
		"a.例え.テスト":            "a.xn--r8jz45g.xn--zckzah",
		"他们为什么不说中文":           "xn--ihqwcrb4cv8a8dqg056pqjye",
		"почемужеонинеговорятпорусски":    "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l",
		"ليهمابتكلموشعربي؟":               "xn--egbpdaj6bu4bxfgehfvwxn",
		"tạisaohọkhôngthểchỉnóitiếngviệt": "xn--tisaohkhngthchnitingvit-kjcr8268qyxafd2f1b9g",
		"3年b組金八先生":                        "xn--3b-ww4c5e180e575a65lsy2b",
		"-> $1.00 <-":                     "-> $1.00 <-",
		"\xff.example":                    "\xff.example",
		"":                                "",
	} {
		if got := ASCII(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func FuzzCiphers(f *testing.F) {
	f.Add("HIGH+kEECDH:!aNULL:+RC4:-MD5:@STRENGTH")
	f.Fuzz(func(t *testing.T, s string) {
		ids, _ := parseCiphers(s)
		again, unknown := parseCiphers(suiteNames(ids))
		if !slices.Equal(ids, again) || len(unknown) > 0 {
			t.Errorf("%q: got %v, written and read %v, unknown %q", s, ids, again, unknown)
		}
		if len(ids) > len(suites) {
			t.Errorf("%q: %d suites", s, len(ids))
		}
	})
}

func FuzzToASCII(f *testing.F) {
	f.Add("bücher.example")
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.TrimRight(s, ".")
		if got := toASCII(toASCII(s)); got != toASCII(s) {
			t.Errorf("%q: not stable: %q", s, got)
		}
	})
}

// Extensions of certificates are foreign bytes where somebody else made them.
func FuzzOtherNames(f *testing.F) {
	e, err := alternativeNames([]string{"example.org", "bücher.example"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(e.Value)
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		addOther(b, func(name, _, _ string) {
			if n++; n > len(b) || len(name) > 10*len(b) {
				t.Errorf("%d names, %q", n, name)
			}
		})
	})
}
