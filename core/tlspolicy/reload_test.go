// SPDX-License-Identifier: Apache-2.0

package tlspolicy_test

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tercet/core/tlspolicy"
)

func TestReload(t *testing.T) {
	s := newSite(t, "example.org", "example.net", "example.com")
	org, net1, net2 := s.ca.issue([]string{"example.org"}), s.ca.issue([]string{"example.net"}), s.ca.issue([]string{"example.net"})
	s.put("certs/org", org)
	s.put("certs/example.net", net1)
	p := s.mustLoad()
	cfg, com := server(t, p, "example.net", "c2s"), server(t, p, "example.com", "c2s")
	if com != nil || !net1.is(shown(t, cfg, "")) {
		t.Fatal("not what was written")
	}
	reload := func(want string) string {
		t.Helper()
		changed, problems := p.Reload()
		if got := strings.Join(changed, " "); got != want {
			t.Errorf("changed: got %q, want %q", got, want)
		}
		return s.text(problems)
	}
	if problems := reload(""); problems != "" {
		t.Errorf("nothing has changed: %s", problems)
	}
	s.put("certs/example.net", net2)
	if problems := reload("example.net"); problems != "" || !net2.is(shown(t, cfg, "")) {
		t.Errorf("replaced: %s", problems)
	}
	bad := []struct {
		name string
		make func()
		says string
	}{
		{
			"certificate without its key", func() { s.write("certs/example.net.crt", net1.chain) },
			"certs/example.net.crt: read certs/example.net.crt: tls: private key does not match public key; the certificate from before stays in use",
		},
		{"half a file", func() { s.write("certs/example.net.crt", net1.chain[:100]) }, "failed to find any PEM data"},
		{"empty", func() { s.write("certs/example.net.crt") }, "failed to find any PEM data"},
		{"expired", func() {
			s.put("certs/example.net", s.ca.issue([]string{"example.net"}, dates(-2*time.Hour, -time.Hour)))
		}, " is valid from "},
		{"not yet valid", func() { s.put("certs/example.net", s.ca.issue([]string{"example.net"}, dates(time.Hour, 2*time.Hour))) }, " is valid from "},
		{"no key", func() { _ = os.Remove(filepath.Join(s.dir, "certs/example.net.key")) }, "no such file or directory; the certificate from before stays in use"},
		{"no file", func() { _ = os.Remove(filepath.Join(s.dir, "certs/example.net.crt")) }, "no such file or directory; the certificate from before stays in use"},
	}
	for _, tt := range bad {
		tt.make()
		changed, problems := p.Reload()
		if len(changed) > 0 || !strings.Contains(s.text(problems), tt.says) {
			t.Errorf("%s: changed %v, problems %s, want %s", tt.name, changed, s.text(problems), tt.says)
		}
		if cfg := server(t, p, "example.net", "c2s"); cfg == nil {
			t.Errorf("%s: TLS is gone", tt.name)
		}
	}
	s.put("certs/example.net", net1)
	reload("example.net")
	if !net1.is(shown(t, cfg, "")) || !org.is(shown(t, server(t, p, "example.org", "c2s"), "")) {
		t.Error("not what was written last")
	}
	com1 := s.ca.issue([]string{"example.com"})
	s.put("certs/new", com1)
	reload("example.com")
	if !com1.is(shown(t, server(t, p, "example.com", "c2s"), "")) {
		t.Error("a new file is not used")
	}
	// A file that only its names lead to is taken away.
	_ = os.Remove(filepath.Join(s.dir, "certs/new.crt"))
	if problems := reload(""); !strings.Contains(problems, "example.com: no certificate is found any more; certs/new.crt from before stays in use") {
		t.Errorf("problems: %s", problems)
	}
	if !com1.is(shown(t, server(t, p, "example.com", "c2s"), "")) {
		t.Error("the certificate from before is gone")
	}
}

func TestUpdate(t *testing.T) {
	s := newSite(t, "example.org")
	one, two := s.ca.issue([]string{"example.org"}), s.ca.issue([]string{"example.org"})
	s.put("certs/a", one)
	s.put("other/a", two)
	p := s.mustLoad()
	c2s := server(t, p, "example.org", "c2s")
	https, err := p.Direct("https")
	if err != nil {
		t.Fatal(err)
	}
	s.set("", "ssl", lua{"protocol": "sslv3"})
	s.set("", "certificates", "other")
	if _, problems := p.Update(s.conf); len(problems) == 0 || !one.is(shown(t, c2s, "")) {
		t.Errorf("an update with an error: %v", problems)
	}
	s.set("", "ssl", lua{"protocol": "tlsv1_3"})
	changed, problems := p.Update(s.conf)
	if !slices.Equal(changed, []string{"example.org"}) || len(problems) > 0 {
		t.Errorf("changed %v, problems %v", changed, problems)
	}
	for name, cfg := range map[string]*tls.Config{"c2s": c2s, "https": https} {
		if !two.is(shown(t, cfg, "example.org")) {
			t.Errorf("%s has the old certificate", name)
		}
		if _, err, _ := shake(t, cfg, &tls.Config{MaxVersion: tls.VersionTLS12}); err == nil {
			t.Errorf("%s has the old rules", name)
		}
	}
	// A host that goes takes its TLS along.
	s.conf.Hosts = nil
	p.Update(s.conf)
	if _, err, _ := shake(t, c2s, nil); err == nil {
		t.Error("a host that is gone still shows its certificate")
	}
}

// Without any command: new connections get the new certificate within ten
// seconds, files are not looked at more often than that, and a bad file is told
// once.
func TestFilesAreWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := newSite(t, "example.org", "example.net")
		one, two := s.ca.issue([]string{"example.org"}), s.ca.issue([]string{"example.org"})
		s.put("certs/a", one)
		p, _ := tlspolicy.Load(s.conf, tlspolicy.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		cfg := server(t, p, "example.org", "c2s")
		s.put("certs/a", two)
		time.Sleep(9 * time.Second)
		if !one.is(shown(t, cfg, "")) {
			t.Error("the files were read too soon")
		}
		time.Sleep(time.Second)
		if !two.is(shown(t, cfg, "")) {
			t.Error("the new certificate is not used")
		}
		if got := log.String(); strings.Count(got, "certificates have changed") != 1 || !strings.Contains(got, "example.org") {
			t.Errorf("log: %s", got)
		}
		log.Reset()
		s.write("certs/a.crt", []byte("garbage"))
		for range 5 {
			time.Sleep(10 * time.Second)
			if !two.is(shown(t, cfg, "")) {
				t.Error("the old certificate is gone")
			}
		}
		if got := log.String(); strings.Count(got, "stays in use") != 1 {
			t.Errorf("log: %s", got)
		}
		// A host without one gets it when it is there; no handshake leads there.
		if server(t, p, "example.net", "c2s") != nil {
			t.Error("a certificate from nowhere")
		}
		s.write("certs/example.net.pem", s.ca.issue([]string{"example.net"}).chain, one.pem) // not yet complete
		time.Sleep(10 * time.Second)
		if server(t, p, "example.net", "c2s") != nil {
			t.Error("a certificate with the wrong key")
		}
		three := s.ca.issue([]string{"example.net"})
		s.write("certs/example.net.pem", three.chain, three.pem)
		time.Sleep(10 * time.Second)
		if cfg := server(t, p, "example.net", "c2s"); !three.is(shown(t, cfg, "")) {
			t.Error("the new certificate is not used")
		}
	})
}

// Links are followed: this is how Let's Encrypt's clients replace files.
func TestLinks(t *testing.T) {
	s := newSite(t, "example.org")
	one, two := s.ca.issue([]string{"example.org"}), s.ca.issue([]string{"example.org"})
	for i, c := range []issued{one, two} {
		n := string(rune('1' + i))
		s.write("archive/fullchain"+n+".pem", c.chain)
		s.write("archive/privkey"+n+".pem", c.pem)
	}
	link := func(n string) {
		_ = os.MkdirAll(filepath.Join(s.dir, "live/example.org"), 0o755)
		for _, name := range []string{"fullchain", "privkey"} {
			path := filepath.Join(s.dir, "live/example.org", name+".pem")
			_ = os.Remove(path)
			if err := os.Symlink("../../archive/"+name+n+".pem", path); err != nil {
				t.Fatal(err)
			}
		}
	}
	link("1")
	_ = os.Symlink("live", filepath.Join(s.dir, "certs"))
	p := s.mustLoad()
	cfg := server(t, p, "example.org", "c2s")
	if !one.is(shown(t, cfg, "")) {
		t.Error("not found")
	}
	link("2")
	if changed, _ := p.Reload(); len(changed) != 1 || !two.is(shown(t, cfg, "")) {
		t.Error("not replaced")
	}
}

// Handshakes go on while certificates are replaced and configs updated.
func TestHammer(t *testing.T) {
	s := newSite(t, "example.org", "example.net")
	pairs := []issued{s.ca.issue([]string{"*.org", "example.org"}), s.ca.issue([]string{"example.org", "example.net"})}
	s.put("certs/example.org", pairs[0])
	p, _ := s.load()
	direct, err := p.Direct("https")
	if err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			for n := 0; !stop.Load(); n++ {
				cfg := direct
				if i == 0 {
					var err error
					if cfg, err = p.Server("example.org", "c2s"); err != nil || cfg == nil {
						t.Errorf("no TLS: %v", err)
						return
					}
				}
				sni := []string{"example.org", "x.org", "example.net", ""}[n%4]
				if _, err, serverErr := shake(t, cfg, &tls.Config{ServerName: sni}); err != nil {
					t.Errorf("handshake: %v, %v", err, serverErr)
				}
				p.Certificates()
				_, _ = p.Client("example.org", "s2s")
			}
		})
	}
	for i := range 30 {
		s.put("certs/example.org", pairs[i%2])
		if i%3 == 0 {
			p.Update(s.conf)
		} else {
			p.Reload()
		}
	}
	stop.Store(true)
	wg.Wait()
}
