// SPDX-License-Identifier: Apache-2.0

package disco_test

import (
	"context"
	"testing"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/modules"
	"tercet/modules/disco"
)

// TestCaps has the hash of stream features lead to what it is the hash of
// (XEP-0115 section 6.3), and a reload change both.
func TestCaps(t *testing.T) {
	s := coretest.New(t, "modules_enabled = { \"disco\", \"ping\" }\n", modules.All...)
	hash := func(name string) string {
		s.AddUser(coretest.Domain, "romeo", coretest.Password("romeo"))
		c := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
		caps := c.Plain("romeo", coretest.Password("romeo")).Child("http://jabber.org/protocol/caps", "c")
		if caps.Attr("hash") != "sha-1" || caps.Attr("ver") == "" {
			t.Fatalf("got %s", caps)
		}
		c.Bind("home")
		node := caps.Attr("node") + "#" + caps.Attr("ver")
		c.Send("<iq type='get' id='a' to='example.org'><query xmlns='http://jabber.org/protocol/disco#info' node='" + node + "'/></iq>")
		e := c.Next().First()
		if e.Attr("node") != node || e.First().Attr("name") != name {
			t.Errorf("got %s", e)
		}
		return caps.Attr("ver")
	}
	first := hash("Tercet")
	if again := hash("Tercet"); again != first {
		t.Error("the hash is another one each time")
	}
	s.Reconfigure("modules_enabled = { \"disco\", \"ping\" }\nname = \"Other\"\n")
	if other := hash("Other"); other == first {
		t.Error("the hash is still the same")
	}
}

// TestContract has a module use all points.
func TestContract(t *testing.T) {
	add := func(_ context.Context, ev *disco.QueryEvent) ext.Verdict {
		ev.Found = ev.Node == "" || ev.Node == "known"
		ev.Features = append(ev.Features, "urn:added")
		ev.Items = append(ev.Items, disco.Item{JID: "added.example", Node: "n", Name: "Added"})
		return ext.Next
	}
	guide := module.Define("guide", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		disco.Feature.Add(s, "urn:listed")
		disco.Feature.Add(s, "urn:listed")
		disco.AccountFeature.Add(s, "urn:listed")
		disco.Identities.Add(s, disco.Identity{Category: "store", Type: "file", Name: "Files"})
		disco.AccountIdentities.Add(s, disco.Identity{Category: "pubsub", Type: "pep"})
		disco.Items.Add(s, disco.Item{JID: "listed.example"})
		disco.Extensions.Add(s, element.New("jabber:x:data", "x").Attr("type", "result").Element())
		for _, h := range []ext.Hook[disco.QueryEvent]{
			disco.AccountInfo, disco.AccountItems, disco.AccountInfoNode, disco.AccountItemsNode, disco.HostItems, disco.HostInfoNode, disco.HostItemsNode,
		} {
			h.Handle(s, 0, add)
		}
		return nil
	})
	s := coretest.New(t, "modules_enabled = { \"disco\", \"guide\" }\n", append([]module.Definition{guide}, modules.All...)...)
	c := s.Login("romeo", "orchard")
	count := func(to, query, node string) map[string]int {
		c.Send("<iq type='get' id='a'" + to + "><query xmlns='http://jabber.org/protocol/disco#" + query + "'" + node + "/></iq>")
		e := c.Next()
		if e.Attr("type") != "result" {
			t.Fatalf("got %s", e)
		}
		seen := make(map[string]int)
		for x := range e.First().Children() {
			seen[x.Local()+" "+x.Attr("var")+x.Attr("jid")+x.Attr("category")]++
		}
		return seen
	}
	host, known := " to='example.org'", " node='known'"
	cases := []struct {
		to, query, node string
		want            []string
	}{
		{host, "info", "", []string{"feature urn:listed", "identity store", "identity server", "x "}},
		{host, "items", "", []string{"item listed.example", "item added.example"}},
		{host, "info", known, []string{"feature urn:added"}},
		{host, "items", known, []string{"item added.example"}},
		{"", "info", "", []string{"feature urn:listed", "feature urn:added", "identity account", "identity pubsub"}},
		{"", "items", "", []string{"item added.example"}},
		{"", "info", known, []string{"feature urn:added"}},
		{"", "items", known, []string{"item added.example"}},
	}
	for _, c := range cases {
		seen := count(c.to, c.query, c.node)
		for _, want := range c.want {
			if seen[want] != 1 {
				t.Errorf("%s %s %s: %s is there %d times", c.to, c.query, c.node, want, seen[want])
			}
		}
	}
}

// TestItemsOption has items that are none.
func TestItemsOption(t *testing.T) {
	s := coretest.New(t, "modules_enabled = { \"disco\" }\n", modules.All...)
	for _, lua := range []string{`{ {} }`, `{ { 1 } }`, `{ { "a", "b", "c" } }`, `{ { "@@" } }`} {
		s.Write("modules_enabled = { \"disco\" }\ndisco_items = " + lua + "\n")
		if _, err := s.Reload(t.Context()); err == nil {
			t.Errorf("%s was accepted", lua)
		}
	}
}
