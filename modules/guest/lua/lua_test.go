// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"os"
	"path/filepath"
	"testing"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/modules"
)

// plugins makes a folder with modules, by their names.
func plugins(t testing.TB, sources map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, code := range sources {
		if err := os.WriteFile(filepath.Join(dir, "mod_"+name+".lua"), []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestPong(t *testing.T) {
	dir := plugins(t, map[string]string{"pong": `
local st = require "util.stanza";
module:add_feature("urn:example:pong");
module:hook("iq-get/host/urn:example:pong:ping", function (event)
	event.origin.send(st.reply(event.stanza):tag("pong", { xmlns = "urn:example:pong", from = event.origin.full_jid }));
	return true;
end);
`})
	s := coretest.New(t, `modules_enabled = { "pong" } plugin_paths = { "`+dir+`" }`, modules.All...)
	c := s.Login("romeo", "orchard")
	c.Send("<iq type='get' id='1' to='example.org'><ping xmlns='urn:example:pong'/></iq>")
	want := "<iq xml:lang='en' type='result' id='1' from='example.org' to='romeo@example.org/orchard'><pong xmlns='urn:example:pong' from='romeo@example.org/orchard'/></iq>"
	if e := c.Next(); !element.Equal(e, parse(t, want)) {
		t.Errorf("got %s, want %s", e, want)
	}
}

func parse(t *testing.T, xml string) element.Element {
	t.Helper()
	e, err := element.Parse([]byte(xml))
	if err != nil {
		t.Fatal(err)
	}
	return e
}
