// SPDX-License-Identifier: Apache-2.0

package groups_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/modules"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

// write makes a groups file and returns the config that names it.
func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("modules_enabled = { \"groups\", \"ping\" }\ngroups_file = %q\n", path)
}

// show is an item in few words.
func show(item element.Element) string {
	s := item.Attr("jid") + " " + item.Attr("subscription")
	if name := item.Attr("name"); name != "" {
		s += " (" + name + ")"
	}
	for g := range item.Children() {
		s += " " + g.Text()
	}
	return s
}

func fetch(c *coretest.Client) map[string]bool {
	c.Send("<iq type='get' id='get'><query xmlns='jabber:iq:roster'/></iq>")
	items := map[string]bool{}
	for e := range c.Next().First().Children() {
		items[show(e)] = true
	}
	return items
}

func want(t *testing.T, who string, got map[string]bool, items ...string) {
	t.Helper()
	for _, i := range items {
		if !got[i] {
			t.Errorf("%s lacks %q", who, i)
		}
	}
	if len(got) != len(items) {
		t.Errorf("%s has %v, want %q", who, got, items)
	}
}

func TestGroups(t *testing.T) {
	path := filepath.Join(t.TempDir(), "groups.txt")
	s := coretest.New(t, write(t, path, `
; who works here
[Support]
romeo@example.org=Romeo M.
juliet@example.org
not an address
[+Staff]
nurse@example.org = The Nurse
`), modules.All...)
	romeo, juliet, tybalt := s.Login("romeo", "r"), s.Login("juliet", "r"), s.Login("tybalt", "r")
	want(t, "romeo", fetch(romeo), "juliet@example.org both Support", "nurse@example.org both (The Nurse) Staff")
	want(t, "juliet", fetch(juliet), "romeo@example.org both (Romeo M.) Support", "nurse@example.org both (The Nurse) Staff")
	want(t, "tybalt", fetch(tybalt), "nurse@example.org both (The Nurse) Staff")
	want(t, "nurse", fetch(s.Login("nurse", "r")))

	for _, item := range [...]string{"<item jid='juliet@example.org' name='J'/>", "<item jid='juliet@example.org' subscription='remove'/>"} {
		romeo.Send("<iq type='set' id='x'><query xmlns='jabber:iq:roster'>" + item + "</query></iq>")
		if e := romeo.Next(); e.Child("jabber:client", "error").First().Local() != "not-allowed" {
			t.Errorf("%s was answered with %s", item, e)
		}
	}
	romeo.Send("<presence/><presence to='juliet@example.org' type='unsubscribe'/><presence to='juliet@example.org' type='unsubscribed'/>")
	romeo.Next()
	romeo.Next() // the nurse is there, and does not share a group
	juliet.Send("<presence/>")
	if e := romeo.Next(); e.Local() != "presence" || e.Attr("from") != "juliet@example.org/r" {
		t.Errorf("romeo got %s", e)
	}
}

// TestReload: another text of the file is in force after a reload, and clients
// are told.
func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "groups.txt")
	lua := write(t, path, "[A]\nromeo@example.org\njuliet@example.org\n")
	s := coretest.New(t, lua, modules.All...)
	romeo := s.Login("romeo", "r")
	romeo.Send("<iq type='set' id='own'><query xmlns='jabber:iq:roster'><item jid='nurse@example.org' name='Own'/></query></iq>")
	romeo.Next()
	want(t, "romeo", fetch(romeo), "juliet@example.org both A", "nurse@example.org none (Own)")
	if plan := s.Reconfigure(lua); len(plan.Reloaded) > 0 {
		t.Errorf("nothing has changed, and reloaded is %v", plan.Reloaded)
	}
	write(t, path, "[A]\nromeo@example.org\ntybalt@example.org=T\nnurse@example.org\n")
	s.Reconfigure(lua)
	pushed := map[string]bool{}
	for range 3 {
		pushed[show(romeo.Next().First().First())] = true
	}
	want(t, "the push", pushed, "tybalt@example.org both (T) A", "nurse@example.org both (Own) A", "juliet@example.org remove")
	s.Reconfigure(`modules_enabled = { "ping" }`)
	pushed = map[string]bool{}
	for range 2 {
		pushed[show(romeo.Next().First().First())] = true
	}
	want(t, "the push", pushed, "tybalt@example.org remove", "nurse@example.org none (Own)")
	want(t, "romeo", fetch(romeo), "nurse@example.org none (Own)")
}

func TestMissingFile(t *testing.T) {
	s := coretest.New(t, "", modules.All...)
	s.Write("modules_enabled = { \"groups\" }\ngroups_file = \"nowhere.txt\"\n")
	plan, err := s.Reload(t.Context())
	if err == nil {
		t.Fatal("the config was accepted")
	}
	text := fmt.Sprint(plan.Problems)
	if !strings.Contains(text, "groups_file") || !strings.Contains(text, "nowhere.txt") {
		t.Errorf("problems are %s", text)
	}
}
