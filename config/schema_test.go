// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"reflect"
	"testing"
	"time"

	"tercet/config"
)

type documented struct {
	Expire  time.Duration `lua:"archive_expires_after" never:"true" doc:"How long messages are kept."`
	Max     int           `lua:"max_archive_query_results" min:"1" max:"500" doc:"Most messages on one page."`
	Policy  string        `lua:"default_archive_policy,old_policy" enum:"always|roster" doc:"Whose messages are kept."`
	Admins  []string      `lua:"admins" doc:"Who may administer."`
	Allowed config.Set    `lua:"allowed" doc:"Words | more."`
	Limits  map[string]struct {
		Rate  config.Rate   `lua:"rate" doc:"Bytes a second."`
		Burst time.Duration `lua:"burst" min:"1s" doc:"How long more is let through."`
	} `lua:"limits" doc:"Limits of connections."`
	SQL struct {
		Driver string `lua:"driver" doc:"Which database."`
		Pass   string `lua:"password" doc:"For logging in."`
	} `lua:"sql"`
	Colour color       `lua:"colour" type:"color" doc:"Of the sky."`
	Size   config.Size `lua:"size" doc:"Of a file."`
	Maybe  *bool       `lua:"maybe" doc:"Yes, no, or neither."`
	Other  int
}

func TestOptionsTable(t *testing.T) {
	defaults := documented{Expire: 7 * 24 * time.Hour, Max: 50, Policy: "always", Allowed: config.NewSet("b", "a"), Size: 10 << 20, Colour: "#000"}
	defaults.SQL.Driver = "SQLite3"
	defaults.SQL.Pass = "hunter2"
	const want = "| Option | Type | Default | Meaning |\n" +
		"|---|---|---|---|\n" +
		"| `archive_expires_after` | period or \"never\" | `\"1 week\"` | How long messages are kept. |\n" +
		"| `max_archive_query_results` | integer | `50` | Most messages on one page. From 1 to 500. |\n" +
		"| `default_archive_policy` | \"always\" or \"roster\" | `\"always\"` | Whose messages are kept. Older name: `old_policy`. |\n" +
		"| `admins` | list of strings | `{}` | Who may administer. |\n" +
		"| `allowed` | set of strings | `{ \"a\", \"b\" }` | Words \\| more. |\n" +
		"| `limits` | table of tables | `{}` | Limits of connections. |\n" +
		"| `limits.*.rate` | rate | `\"0b/s\"` | Bytes a second. |\n" +
		"| `limits.*.burst` | period | `0` | How long more is let through. Of at least 1s. |\n" +
		"| `sql.driver` | string | `\"SQLite3\"` | Which database. |\n" +
		"| `sql.password` | string | `(not shown)` | For logging in. |\n" +
		"| `colour` | color | `\"#000\"` | Of the sky. |\n" +
		"| `size` | size | `\"10 MiB\"` | Of a file. |\n" +
		"| `maybe` | boolean | `nil` | Yes, no, or neither. |\n"
	if got := config.OptionsTable(defaults); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got := config.OptionsTable(&defaults); got != want {
		t.Errorf("of a pointer, got:\n%s", got)
	}
	if got := config.OptionsTable(struct{}{}); got != "None.\n" {
		t.Errorf("of nothing, got %q", got)
	}
	if got := config.Schema(5); got != nil {
		t.Errorf("of a number, got %v", got)
	}
}

func TestSchema(t *testing.T) {
	fields := config.Schema(documented{Expire: config.Never})
	if got := fields[0]; got.Name != "archive_expires_after" || got.Default != `"never"` {
		t.Errorf("got %+v", got)
	}
	if got := fields[2]; !reflect.DeepEqual(got.Words, []string{"always", "roster"}) || !reflect.DeepEqual(got.Aliases, []string{"old_policy"}) {
		t.Errorf("got %+v", got)
	}
	if got := fields[6].Fields; len(got) != 2 || got[0].Secret || !got[1].Secret {
		t.Errorf("got %+v", got)
	}
	names := config.Names(everything{})
	for _, want := range []string{"name", "new_name", "old_name", "older_name", "raw"} {
		found := false
		for _, n := range names {
			found = found || n == want
		}
		if !found {
			t.Errorf("%s is not among %v", want, names)
		}
	}
}
