// SPDX-License-Identifier: Apache-2.0

package golden_test

import (
	"fmt"
	"strings"
	"testing"

	"tercet/config/luacfg"
	"tercet/core"
	"tercet/core/golden"
	"tercet/modules"
)

var build = core.Build{Version: "test", Modules: modules.All, Load: luacfg.Load}

// start starts a server with all modules.
func start(t *testing.T, lua string) *golden.Server {
	t.Helper()
	s, err := golden.Start(t.Context(), build, t.TempDir(), lua)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop("the test is over")
		s.Wait()
	})
	return s
}

// stepper is a golden.Target with sections of its own.
type stepper struct{ golden.Target }

func (stepper) Step(head, body string, vars map[string]string) (known bool, err error) {
	verb, name, _ := strings.Cut(head, " ")
	switch verb {
	case "let":
		vars[name] = strings.TrimSpace(body)
	case "equal":
		if one, other, _ := strings.Cut(strings.TrimSpace(body), " "); one != other {
			return true, fmt.Errorf("%s is not %s", one, other)
		}
	}
	return verb == "let" || verb == "equal", nil
}

// What a script wants and does not get is told with the line of its section.
func TestFaults(t *testing.T) {
	const ping = "-- romeo sends --\n<iq type='get' id='a' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>\n"
	const pong = "<iq type='result' id='a' from='example.org' to='romeo@example.org/orchard'/>\n"
	const nsInfo = "http://jabber.org/protocol/disco#info"
	const info = "-- romeo sends --\n<iq type='get' id='a' to='example.org'><query xmlns='" + nsInfo + "'/></iq>\n" +
		"-- romeo gets --\n<iq type='result' id='a' from='example.org' to='{any}'><query xmlns='" + nsInfo + "'>"
	const end = "</query></iq>\n"
	s := start(t, `modules_enabled = { "ping", "disco" }`)
	for _, tt := range []struct{ name, script, want string }{
		{"right", ping + "-- romeo gets --\n" + pong, ""},
		{"a remembered text", ping + "-- romeo gets --\n<iq type='result' id='{x}' from='example.org' to='{any}'/>\n-- romeo sends --\n" +
			"<iq type='get' id='{x}{x}'><ping xmlns='urn:xmpp:ping'/></iq>\n-- romeo gets --\n<iq type='result' id='aa' to='{any}'/>\n", ""},
		{"what is between", ping + strings.Replace(ping, "'a'", "'b'", 1) + "-- romeo awaits --\n<iq type='result' id='b' from='example.org' to='{any}'/>\n-- romeo gets nothing --\n", ""},
		{"among more", info + "<any xmlns='coretest'/><feature var='urn:xmpp:ping'/><identity category='server' type='im' name='{maybe}'/>" + end, ""},
		{"not among more", info + "<any xmlns='coretest'/><feature var='urn:xmpp:pong'/>" + end, "s:4: romeo gets: <query> lacks <feature"},
		{"twice among more", info + "<any xmlns='coretest'/><feature var='urn:xmpp:ping'/><feature var='urn:xmpp:ping'/>" + end, "s:4: romeo gets: <query> lacks <feature"},
		{"what is lacked", info + "<any xmlns='coretest'/><lacks xmlns='coretest'><feature xmlns='" + nsInfo + "' var='urn:xmpp:pong'/></lacks>" + end, ""},
		{"what is not lacked", info + "<any xmlns='coretest'/><lacks xmlns='coretest'><feature xmlns='" + nsInfo + "' var='{any}'/></lacks>" + end, "s:4: romeo gets: <query> has <feature"},
		{"another id", ping + "-- romeo gets --\n<iq type='result' id='b' from='example.org' to='{any}'/>\n", "s:4: romeo gets: id of <iq>: got \"a\", want \"b\""},
		{"one more attribute", ping + "-- romeo gets --\n<iq type='result' id='a' from='example.org'/>\n", "s:4: romeo gets: <iq> has also to="},
		{"something came", ping + "-- romeo gets nothing --\n", "s:4: romeo gets nothing: romeo@example.org/orchard: came unexpectedly: <iq"},
		{"an unknown verb", "-- romeo sings --\n", `s:2: romeo sings: what is "sings"?`},
		{"not well-formed", ping + "-- romeo gets --\n<iq></iqq>\n", "s:4: romeo gets: the script is not well-formed"},
		{"the end", "-- romeo sends --\n</stream:stream>\n-- romeo gets --\n" + pong, "s:4: romeo gets: EOF, want <iq"},
		{"a step of the target's", "-- let n --\n7\n-- equal --\n7 {n}\n", ""},
		{"a step that fails", "-- let n --\n7\n-- equal --\n{n} 8\n", "s:4: equal: 7 is not 8"},
		{"another end", "-- stranger sends --\n<a/>\n-- stranger ends --\n<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>\n", "s:4: stranger ends: "},
		{"a bad config", "-- reload --\nmodules_enabled = 1\n", "s:3: modules_enabled: "},
		{"a config that is no Lua", "-- romeo connects --\n-- reload --\n\nname = = 1\n", "s:5: syntax error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := golden.Parse("s", "a title\n"+tt.script).Run(stepper{s.Target(t.Context())})
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)):
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	sc := golden.Parse("s", "A title\nand a remark\n-- config.lua --\nname = \"x\"\n-- romeo connects --\n-- romeo gets nothing --\n")
	if sc.Title != "A title" || sc.Config != "name = \"x\"\n" || sc.Line != 3 || sc.Steps() != 2 {
		t.Errorf("got %q, %q, %d, %d", sc.Title, sc.Config, sc.Line, sc.Steps())
	}
	if sc := golden.Parse("s", "A title\n-- romeo connects --\n"); sc.Line != 0 || sc.Config != "" || sc.Steps() != 1 {
		t.Errorf("without a config: got %q, %d, %d", sc.Config, sc.Line, sc.Steps())
	}
}

// Problems of a config have the lines of the script.
func TestMisconfigured(t *testing.T) {
	for _, tt := range []struct{ name, lua, want string }{
		{"two problems", "modules_enabled = 7\nmodules_disabled = 7\n", "s:4: modules_enabled: "},
		{"the second", "modules_enabled = 7\nmodules_disabled = 7\n", "\ns:5: modules_disabled: "},
		{"syntax", "\nname = = 1\n", "s:5: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := golden.Start(t.Context(), build, t.TempDir(), tt.lua)
			if err == nil {
				t.Fatal("it started")
			}
			sc := golden.Parse("s", "title\n\n-- config.lua --\n"+tt.lua)
			if got := sc.Misconfigured(sc.Line, err).Error(); !strings.Contains("\n"+got, "\n"+strings.TrimPrefix(tt.want, "\n")) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
