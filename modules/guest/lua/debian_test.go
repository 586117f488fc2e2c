// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

const debian = "/usr/lib/prosody/modules"

// lines are those of a file in testdata; what stands behind a # is left out.
func lines(t *testing.T, file string) (all []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// TestDebian loads each module of Debian's packages prosody and
// prosody-modules that makes sense in a server, as it is. Those of which
// testdata/notloaded.txt says why not must not load; all others must, and
// unload again.
func TestDebian(t *testing.T) {
	if found, _ := filepath.Glob(debian + "/mod_*/mod_*.lua"); len(found) < 60 {
		t.Skip("Debian's packages prosody and prosody-modules are not installed")
	}
	not := make(map[string]string)
	for _, line := range lines(t, "notloaded.txt") {
		name, why, _ := strings.Cut(line, " ")
		not[name] = why
	}
	var names []string
	for _, line := range lines(t, "classA.txt") {
		name, why, _ := strings.Cut(line, " ")
		if names = append(names, name); why != "" && not[name] == "" {
			not[name] = why
		}
	}
	components := lines(t, "components.txt")
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	options, err := os.ReadFile("testdata/options.lua")
	if err != nil {
		t.Fatal(err)
	}
	s := coretest.New(t, fmt.Sprintf("%s\nadmins = { \"admin@example.org\" }\nforce_lua_modules = { %s }\nhttp_ports = { }\nhttps_ports = { }\nVirtualHost \"example.org\"\nComponent \"component.example.org\" \"muc\"\n",
		options, strings.Join(quoted, ", ")), modules.All...)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			host := "example.org"
			if slices.Contains(components, name) {
				host = "component.example.org"
			}
			for _, st := range s.Env.Manager.List() {
				if st.Name == name && st.Host == host && st.State == "loaded" {
					return // another has needed it
				}
			}
			err := s.Env.Manager.Load(t.Context(), host, name)
			state := "not there"
			for _, st := range s.Env.Manager.List() {
				if st.Name == name && st.Host == host {
					state = st.State
				}
			}
			switch {
			case not[name] != "" && err == nil && state == "loaded":
				t.Errorf("it loads, and testdata says that it does not: %s", not[name])
			case not[name] == "" && (err != nil || state != "loaded"):
				t.Errorf("it is %s: %v", state, err)
			}
			if err == nil {
				if err := s.Env.Manager.Unload(t.Context(), host, name); err != nil {
					t.Errorf("unload: %v", err)
				}
			}
		})
	}
}

// TestPEP: nodes of PEP are there after a reload of it, with their items, and
// who wants to be told of them is.
func TestPEP(t *testing.T) {
	if _, err := os.Stat(debian + "/mod_pep.lua"); err != nil {
		t.Skip("Debian's package prosody is not installed")
	}
	s := coretest.New(t, `modules_enabled = { "pep", "disco", "roster" } bundled_plugin_paths = { "`+debian+`" }`, modules.All...)
	romeo, other := s.Login("romeo", "orchard"), s.Login("romeo", "garden")
	publish := func(id, word string) string {
		return "<iq type='set' id='p'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:example:mood'><item id='" + id +
			"'><mood xmlns='urn:example:mood'>" + word + "</mood></item></publish></pubsub></iq>"
	}
	exchange(t, romeo, publish("one", "calm"), "type='result'")
	other.Send("<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:example:client' ver='x'/></presence>")
	for asked := false; !asked; {
		e := other.Next()
		if asked = strings.Contains(e.String(), "disco#info"); asked {
			other.Send("<iq type='result' id='" + e.Attr("id") + "' to='romeo@example.org'><query xmlns='http://jabber.org/protocol/disco#info' node='urn:example:client#x'>" +
				"<identity category='client' type='pc'/><feature var='urn:example:mood+notify'/></query></iq>")
		}
	}
	told := func(word string) {
		t.Helper()
		for {
			if got := other.Next().String(); strings.Contains(got, "pubsub#event") {
				if !strings.Contains(got, ">"+word+"<") {
					t.Errorf("got %s, want %s", got, word)
				}
				return
			}
		}
	}
	told("calm")
	if err := s.Env.Manager.Reload(t.Context(), coretest.Domain, "pep"); err != nil {
		t.Fatal(err)
	}
	exchange(t, romeo, "<iq type='get' id='i'><pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:example:mood'/></pubsub></iq>", ">calm<")
	exchange(t, romeo, publish("two", "merry"), "type='result'")
	told("merry")
}
