// SPDX-License-Identifier: Apache-2.0

package tlspolicy_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tercet/core/tlspolicy"
)

func TestSelfSigned(t *testing.T) {
	s := newSite(t, "example.org", "bücher.example")
	dir := filepath.Join(s.dir, "certs")
	_ = os.Mkdir(dir, 0o755)
	cert, key, err := tlspolicy.SelfSigned(dir, []string{"example.org", "bücher.example"})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{cert: 0o640, key: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: got %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
	p := s.mustLoad()
	for _, host := range []string{"example.org", "bücher.example"} {
		c := shown(t, server(t, p, host, "c2s"), "")
		if err := c.VerifyHostname("xn--bcher-kva.example"); err != nil {
			t.Error(err)
		}
		if c.PublicKeyAlgorithm != x509.ECDSA || c.IsCA || len(c.DNSNames) != 2 || len(c.UnhandledCriticalExtensions) > 0 {
			t.Errorf("got %v, names %v", c.PublicKeyAlgorithm, c.DNSNames)
		}
	}
	if out, err := exec.Command("openssl", "x509", "-noout", "-text", "-in", cert).Output(); err != nil {
		t.Logf("openssl: %v", err)
	} else if text := string(out); !strings.Contains(text, "othername: XmppAddr::example.org") && !strings.Contains(text, "othername:XmppAddr") &&
		!strings.Contains(text, "XmppAddr") {
		t.Errorf("openssl sees no xmppAddr: %s", text)
	}
	if _, _, err := tlspolicy.SelfSigned(dir, []string{"example.org"}); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("overwriting: %v", err)
	}
	_ = os.Remove(key)
	if _, _, err := tlspolicy.SelfSigned(dir, []string{"example.org"}); err == nil {
		t.Error("the certificate was overwritten")
	}
	if _, err := os.Stat(key); err == nil {
		t.Error("a key was left behind")
	}
	for _, hosts := range [][]string{nil, {""}, {"../x"}} {
		if _, _, err := tlspolicy.SelfSigned(dir, hosts); err == nil {
			t.Errorf("%q: no error", hosts)
		}
	}
}

func TestCertificates(t *testing.T) {
	s := newSite(t, "example.org", "example.net", "example.com")
	c := s.ca.issue([]string{"example.org", "*.example.org"})
	peer := s.ca.issue([]string{"peer"})
	s.put("certs/a", c)
	s.put("certs/example.net", s.ca.issue(nil, otherNames([]string{"other.example"}, []string{"_xmpp-server.other.example"}), selfSigned))
	s.write("tls/peer.pem", peer.chain, peer.pem)
	s.set("example.org", "s2s_ssl", lua{"certificate": "tls/peer.pem"})
	p, _ := s.load()
	all := p.Certificates()
	var got []string
	for _, i := range all {
		got = append(got, i.Host+" "+i.Service+" "+filepath.Base(i.File)+" "+filepath.Base(i.Key)+" "+strings.Join(i.Names, ","))
	}
	want := `example.net  example.net.crt example.net.key other.example,_xmpp-server.other.example
example.org  a.crt a.key example.org,*.example.org
example.org s2s peer.pem peer.pem peer`
	if text := strings.Join(got, "\n"); text != want {
		t.Fatalf("got\n%s\nwant\n%s", text, want)
	}
	i := all[1]
	if !i.Covers || i.SelfSigned || all[0].Covers || !all[0].SelfSigned || i.Issuer != "CN=Test CA" || i.Subject != "CN=test" || !i.NotAfter.Equal(c.cert.NotAfter) {
		t.Errorf("got %+v", i)
	}
	if !strings.HasPrefix(i.Record(5222), "_5222._tcp.example.org. IN TLSA 3 1 1 ") {
		t.Errorf("record: %s", i.Record(5222))
	}
	cert := filepath.Join(s.dir, "certs/a.crt")
	for name, tt := range map[string]struct{ sh, got string }{
		"fingerprint": {`openssl x509 -in "$0" -noout -fingerprint -sha256 | cut -d= -f2`, i.Fingerprint},
		"pin":         {`openssl x509 -in "$0" -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64`, i.Pin},
		"TLSA":        {`echo "3 1 1 $(openssl x509 -in "$0" -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -r | cut -d' ' -f1)"`, i.TLSA},
	} {
		out, err := exec.Command("sh", "-c", tt.sh, cert).Output()
		if err != nil {
			t.Skipf("no openssl: %v", err)
		}
		if strings.TrimSpace(string(out)) != tt.got {
			t.Errorf("%s: got %s, openssl says %s", name, tt.got, out)
		}
	}
}

func TestEncryptedKey(t *testing.T) {
	s := newSite(t, "example.org")
	c := s.ca.issue([]string{"example.org"})
	s.write("c.pem", c.chain)
	plain := s.write("plain.pem", c.pem)
	enc := filepath.Join(s.dir, "enc.pem")
	if out, err := exec.Command("openssl", "ec", "-in", plain, "-aes128", "-passout", "pass:hunter2", "-out", enc).CombinedOutput(); err != nil {
		t.Skipf("openssl: %v: %s", err, out)
	}
	if b, _ := os.ReadFile(enc); !strings.Contains(string(b), "DEK-Info") {
		t.Skip("openssl writes PKCS #8")
	}
	for password, ok := range map[string]bool{"hunter2": true, "wrong": false, lucky(t, enc): false, "": false} {
		table := lua{"certificate": "c.pem", "key": "enc.pem"}
		if password != "" {
			table["password"] = password
		}
		s.set("", "ssl", table)
		p, problems := s.load()
		if cfg := server(t, p, "example.org", "c2s"); (cfg != nil) != ok {
			t.Errorf("password %q: %v, %s", password, cfg != nil, problems)
		}
		if !ok && !strings.Contains(problems, "enc.pem: ") || strings.Contains(problems, "wrong") {
			t.Errorf("password %q: problems %s", password, problems)
		}
	}
}

// lucky is a wrong password that leaves bytes with a padding that is right.
func lucky(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	for block, text = pem.Decode(text); block.Headers["DEK-Info"] == ""; {
		block, text = pem.Decode(text)
	}
	for n := 0; ; n++ {
		password := fmt.Sprint("wrong", n)
		//lint:ignore SA1019 it is what the test is about
		if _, err := x509.DecryptPEMBlock(block, []byte(password)); err == nil { //nolint:staticcheck // the same for golangci-lint
			return password
		}
	}
}
