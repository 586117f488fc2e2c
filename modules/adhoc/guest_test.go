// SPDX-License-Identifier: Apache-2.0

package adhoc_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/core/ext"
	"tercet/core/guest"
	"tercet/core/module"
	"tercet/modules"
)

// visitor is a module as guests are: it knows names and JSON only. Its command
// asks for a word and says it again.
var visitor = module.Define("visitor", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
	for _, node := range []string{"echo", "silent", "faulty"} {
		if err := guest.Add(s, "adhoc-command", json.RawMessage(`{"node": "`+node+`", "name": "Echo", "permission": "local_user"}`)); err != nil {
			return err
		}
	}
	if err := guest.Hook(s, "adhoc/faulty", 0, "", func(_ context.Context, ev *guest.Event) ext.Verdict {
		for _, bad := range []string{
			`{"status": "dancing"}`, `{"notes": [{"kind": "odd", "text": "x"}]}`, `[]`,
			`{"status": "completed", "state": "` + strings.Repeat("x", 20_000) + `"}`,
		} {
			if ev.Change(json.RawMessage(bad)) == nil {
				return ext.Next
			}
		}
		return ext.Stop
	}); err != nil {
		return err
	}
	return guest.Hook(s, "adhoc/echo", 0, "", func(_ context.Context, ev *guest.Event) ext.Verdict {
		b, err := json.Marshal(ev.Value)
		if err != nil {
			return ext.Next
		}
		var asked struct {
			From, Action, State string
			Stage               int
			Form                map[string][]string
		}
		if err := json.Unmarshal(b, &asked); err != nil {
			return ext.Next
		}
		reply := `{"status": "executing", "title": "Echo", "fields": [{"name": "v", "required": true, "options": [{"label": "One", "value": "1"}], "kind": "list-single"}], "allowed": ["complete"], "default": "complete", "state": "waiting"}`
		switch {
		case asked.Action == "cancel":
			reply = `{"status": "canceled"}`
		case asked.Stage == 1 && asked.Form["v"] == nil:
			reply = `{"refuse": "a word, please"}`
		case asked.Stage == 1:
			reply = `{"status": "completed", "notes": [{"kind": "warn", "text": "` + asked.From + " " + asked.State + " " + asked.Form["v"][0] + `"}]}`
		}
		if ev.Change(json.RawMessage(reply)) != nil {
			return ext.Next
		}
		return ext.Stop
	})
})

func TestGuestsHaveCommands(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "adhoc", "disco", "ping", "visitor" }`, append(modules.All, visitor)...)
	c := s.Login("romeo", "orchard")
	e := run(c, "echo", "", "", "")
	want(t, e, "executing complete default=complete x")
	const form = "<field var='v' type='list-single'><required/><option label='One'><value>1</value></option></field>"
	if !strings.Contains(e.String(), form) {
		t.Errorf("got %s, want %s", e, form)
	}
	id := e.First().Attr("sessionid")
	want(t, run(c, "echo", id, "", ""), "bad-request bad-payload")
	want(t, run(c, "echo", id, "complete", submitted("word")), "completed warn: romeo@example.org/orchard waiting word")
	id = run(c, "echo", "", "", "").First().Attr("sessionid")
	want(t, run(c, "echo", id, "cancel", ""), "canceled")
	want(t, run(c, "silent", "", "", ""), "internal-server-error")
	want(t, run(c, "faulty", "", "", ""), "internal-server-error")
}

func TestGuestsGiveWholeCommands(t *testing.T) {
	for name, v := range map[string]string{
		"no permission": `{"node": "a", "name": "A"}`,
		"an odd one":    `{"node": "a", "name": "A", "permission": "user"}`,
		"no node":       `{"name": "A", "permission": "any"}`,
		"no object":     `"a"`,
	} {
		scope := ext.NewScope(t.Context(), "test", ext.NewTable())
		if err := guest.Add(scope, "adhoc-command", json.RawMessage(v)); err == nil {
			t.Errorf("%s: no error", name)
		}
		if err := guest.Hook(scope, "adhoc/", 0, "", func(context.Context, *guest.Event) ext.Verdict { return ext.Stop }); err == nil {
			t.Error("a hook without a node: no error")
		}
		if err := scope.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
