// SPDX-License-Identifier: Apache-2.0

package luacfg_test

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tercet/config"
	"tercet/config/luacfg"
)

var update = flag.Bool("update", false, "write the .want files of testdata anew")

const brokenDir = "../testdata/broken"

// options stand for those of all modules.
type options struct {
	Admins            []string      `lua:"admins"`
	AllowRegistration bool          `lua:"allow_registration"`
	Authentication    string        `lua:"authentication" enum:"internal_hashed|internal_plain|anonymous"`
	ArchiveExpires    time.Duration `lua:"archive_expires_after" never:"true" m:"month"`
	Timeout           time.Duration `lua:"c2s_timeout" min:"1s" max:"1 day"`
	Ports             []uint16      `lua:"c2s_ports"`
	Secret            string        `lua:"component_secret"`
	MaxContent        config.Size   `lua:"http_max_content_size"`
	Limits            map[string]struct {
		Rate  config.Rate   `lua:"rate"`
		Burst time.Duration `lua:"burst"`
	} `lua:"limits"`
	MaxResults int        `lua:"max_archive_query_results" min:"1" max:"500"`
	MOTD       string     `lua:"motd_text"`
	Name       string     `lua:"name"`
	Allowlist  config.Set `lua:"registration_allowlist,registration_whitelist"`
	SQL        struct {
		Driver   string `lua:"driver" enum:"SQLite3|PostgreSQL"`
		Password string `lua:"password"`
	} `lua:"sql"`
	SSL        config.Value `lua:"ssl"`
	Storage    config.Value `lua:"storage"`
	TURNSecret string       `lua:"turn_external_secret"`
}

func (o options) Check(c *config.Check) {
	if o.AllowRegistration && c.Has("registration_allowlist") && o.MOTD == "" {
		c.At("registration_allowlist").Errorf("without effect on %s: there is no motd_text", c.Host())
	}
}

// problems is what a check tool would print for a file.
func problems(o luacfg.Options, file string) []config.Problem {
	c, err := o.Load(file)
	if err != nil {
		var failed *luacfg.Error
		if !errors.As(err, &failed) {
			return []config.Problem{{Text: err.Error()}}
		}
		return append(config.Sort(failed.Problems), config.Problem{Pos: failed.Pos, Severity: config.Error, Text: failed.Text})
	}
	all := append(c.Problems, config.CheckHosts(c)...)
	for _, s := range append([]*config.Section{c.Global}, c.Hosts...) {
		var o options
		all = append(all, config.Decode(c, s.Name, &o)...)
		_, wrong := config.Modules(c, s.Name, []string{"c2s"}, []string{"tls"})
		all = append(all, wrong...)
	}
	known := map[string]bool{"modules_enabled": true, "modules_disabled": true, "pidfile": true}
	for _, name := range config.Names(options{}) {
		known[name] = true
	}
	return config.Sort(append(all, config.Unknown(c, func(string) map[string]bool { return known })...))
}

var directive = regexp.MustCompile(`(?m)^-- (time|memory): (\w+)$`)

// limits reads "-- time: 100ms" and "-- memory: 8" (MiB) at the head of a file.
func limits(t *testing.T, source string) (o luacfg.Options) {
	t.Helper()
	for _, m := range directive.FindAllStringSubmatch(source, -1) {
		var err error
		if m[1] == "time" {
			o.Time, err = time.ParseDuration(m[2])
		} else {
			var n int
			n, err = strconv.Atoi(m[2])
			o.Memory = int64(n) << 20
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// Each broken config yields the problems of its .want file, and no others.
func TestBroken(t *testing.T) {
	t.Chdir(brokenDir)
	files, err := filepath.Glob("*.lua")
	if err != nil || len(files) < 60 {
		t.Fatalf("got %d configs, %v; want at least 60", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, ".lua"), func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			o := limits(t, string(source))
			o.Output = io.Discard
			o.Getenv = func(name string) (string, bool) { return "/home/juliet", name == "HOME" }
			var got strings.Builder
			for _, p := range problems(o, file) {
				got.WriteString(p.String() + "\n")
			}
			wantFile := strings.TrimSuffix(file, ".lua") + ".want"
			if *update {
				if err := os.WriteFile(wantFile, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(wantFile)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("got:\n%swant:\n%s", got.String(), want)
			}
			if len(want) == 0 {
				t.Error("a broken config without a problem")
			}
		})
	}
}
