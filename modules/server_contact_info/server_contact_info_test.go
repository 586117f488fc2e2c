// SPDX-License-Identifier: Apache-2.0

package server_contact_info_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tercet/config"
	"tercet/config/luacfg"
	"tercet/core"
	"tercet/core/coretest"
	"tercet/modules"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

func form(t *testing.T, s *coretest.Server) string {
	t.Helper()
	c := s.Login("romeo", "orchard")
	c.Send("<iq type='get' id='d' to='example.org'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
	x := c.Next().First().Child("jabber:x:data", "x")
	if x.IsZero() {
		return ""
	}
	return x.String()
}

func TestContactsAreTold(t *testing.T) {
	const head = "modules_enabled = { \"server_contact_info\", \"disco\" }\n"
	tests := []struct {
		name, config string
		has, lacks   []string
	}{
		{
			"given", `contact_info = { abuse = { "mailto:abuse@example.org", "xmpp:abuse@example.org" }; support = "https://example.org/help" } admins = { "boss@example.org" }`,
			[]string{"abuse-addresses", "mailto:abuse@example.org", "xmpp:abuse@example.org", "support-addresses", "https://example.org/help", "http://jabber.org/network/serverinfo"},
			[]string{"boss"},
		},
		{"the admins", `admins = { "boss@example.org" }`, []string{"admin-addresses", "xmpp:boss@example.org"}, []string{"mailto"}},
		{"roles without an address are empty fields, as Prosody has them", `contact_info = { abuse = "mailto:abuse@example.org" }`, []string{"<field type='list-multi' var='security-addresses'/>"}, nil},
		{"an odd admin", `admins = { "a%b@example.org" }`, []string{"xmpp:a%25b@example.org"}, nil},
		{"nobody", ``, nil, []string{"serverinfo"}},
	}
	s := coretest.New(t, head, modules.All...)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.Reconfigure(head + tt.config)
			got := form(t, s)
			for _, want := range tt.has {
				if !strings.Contains(got, want) {
					t.Errorf("%q is not in %s", want, got)
				}
			}
			for _, not := range tt.lacks {
				if strings.Contains(got, not) {
					t.Errorf("%q is in %s", not, got)
				}
			}
		})
	}
}

func TestBadContactsAreErrors(t *testing.T) {
	for lua, want := range map[string]string{
		`contact_info = { boss = { "mailto:boss@example.org" } }`: "there is no such role",
		`contact_info = { abuse = { "abuse at example.org" } }`:   "want a URI",
	} {
		file := filepath.Join(t.TempDir(), "tercet.cfg.lua")
		text := "modules_enabled = { \"server_contact_info\" }\n" + lua + "\nVirtualHost \"example.org\"\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := luacfg.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		problems := core.Check(core.Build{Modules: modules.All, Load: luacfg.Load}, c)
		if !config.Failed(problems) || !strings.Contains(problems[0].String(), want) {
			t.Errorf("%s: got %v, want %q", lua, problems, want)
		}
	}
}
