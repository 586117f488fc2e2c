// SPDX-License-Identifier: Apache-2.0

package core

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"tercet/config"
	"tercet/core/logging"
	"tercet/core/module"
	"tercet/core/tlspolicy"
)

// Check returns all problems of a config. It creates and changes nothing.
func Check(b Build, c *config.Config) []config.Problem {
	o := defaults
	problems := examine(b, c, &o)
	dir, _ := dataPath(c, o.DataPath) // what is wrong with it is told below
	problems = append(problems, logging.Check(c)...)
	_, more := tlspolicy.Load(c, tlspolicy.Options{DataDir: dir})
	problems = append(problems, more...)
	problems = append(problems, examineDir(c, dir)...)
	return config.Sort(problems)
}

// examine reports what can be said from the config alone, and decodes the
// server's own options.
func examine(b Build, c *config.Config, o *options) []config.Problem {
	cat := newCatalogue(b)
	problems := append([]config.Problem(nil), c.Problems...)
	problems = append(problems, config.CheckHosts(c)...)
	problems = append(problems, config.Decode(c, "", o)...)
	for _, s := range append([]*config.Section{c.Global}, c.Hosts...) {
		_, more := config.Modules(c, s.Name, nil, nil)
		problems = append(problems, more...)
	}
	problems = append(problems, module.Check(cat, c)...)
	known := knownOptions(cat.For(c))
	for name := range reasons() { // what is accepted, without effect
		known[name] = true
	}
	problems = append(problems, config.Unknown(c, func(string) map[string]bool { return known })...)
	return config.Sort(append(problems, misplaced(cat, c)...))
}

// misplaced reports options of the whole server in the section of a host,
// where nobody reads them. Those of sockets config.CheckHosts has seen.
func misplaced(cat module.Catalogue, c *config.Config) []config.Problem {
	onServer, onHost := make(map[string]bool), hostOptions()
	for _, d := range cat {
		for _, f := range d.Fields() {
			for _, name := range append([]string{f.Name}, f.Aliases...) {
				if d.Placement == module.OnServer {
					onServer[name] = true
				} else {
					onHost[name] = true
				}
			}
		}
	}
	for _, f := range append(logging.Fields(), config.Schema(defaults)...) {
		onServer[f.Name] = true
	}
	var problems []config.Problem
	for _, h := range c.Hosts {
		for name, v := range h.Options {
			if onServer[name] && !onHost[name] && !strings.HasSuffix(name, "_ports") && !strings.HasSuffix(name, "_interfaces") {
				problems = append(problems, config.Problem{Pos: v.Pos, Text: fmt.Sprintf(
					"%s: without effect on %s; it is the whole server's, set it in the global section", name, h.Name)})
			}
		}
	}
	return problems
}

// hostOptions are those of the server's own that a host may have.
func hostOptions() map[string]bool {
	return map[string]bool{
		"admins": true, "authentication": true, "default_storage": true, "enabled": true, "modules_disabled": true,
		"modules_enabled": true, "name": true, "storage": true,
	}
}

// Check says what tags cannot.
func (o *options) Check(c *config.Check) {
	if _, err := parseMask(o.Umask); err != nil {
		c.At("umask").Errorf("want a mask such as \"027\", got %q", o.Umask)
	}
}

func parseMask(s string) (int, error) {
	n, err := strconv.ParseUint(s, 8, 9)
	if err != nil {
		return 0, fmt.Errorf("umask %q: %w", s, err)
	}
	return int(n), nil
}

// knownOptions are the options that the server or one of its modules has.
func knownOptions(cat module.Catalogue) map[string]bool {
	known := make(map[string]bool)
	add := func(fields []config.Field) {
		for _, f := range fields {
			known[f.Name] = true
			for _, alias := range f.Aliases {
				known[alias] = true
			}
		}
	}
	for _, d := range cat {
		add(d.Fields())
	}
	add(config.Schema(defaults))
	add(logging.Fields())
	add(tlspolicy.Fields("c2s", "c2s_direct_tls", "legacy_ssl", "https"))
	return known
}

// dataPathOf is the option data_path.
func dataPathOf(c *config.Config) string {
	if v, ok := c.Lookup("", "data_path"); ok && v.Kind() == config.String {
		return v.Str()
	}
	return defaults.DataPath
}

// examineDir reports what is wrong with the data directory as it is.
func examineDir(c *config.Config, dir string) []config.Problem {
	at := c.Global.Pos
	if v, ok := c.Lookup("", "data_path"); ok {
		at = v.Pos
	}
	info, err := os.Stat(dir)
	switch {
	case os.IsNotExist(err):
		return nil // the first start makes it
	case err != nil:
		return []config.Problem{{Pos: at, Severity: config.Error, Text: "data_path: " + err.Error()}}
	case !info.IsDir():
		return []config.Problem{{Pos: at, Severity: config.Error, Text: "data_path: " + dir + " is not a directory"}}
	}
	var problems []config.Problem
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		problems = append(problems, config.Problem{
			Pos: at, Severity: config.Error,
			Text: fmt.Sprintf("data_path: %s is not writable by user %d", dir, os.Geteuid()),
		})
	}
	for _, text := range tooWide(dir) {
		problems = append(problems, config.Problem{Pos: at, Text: "data_path: " + text + ": others on this machine may use it"})
	}
	if found := foreign(dir); found != "" {
		problems = append(problems, config.Problem{Pos: at, Text: fmt.Sprintf(
			"data_path: %s is Prosody's; it is left alone and nothing of it is served, until \"tercet import\" will take it over", found)})
	}
	return problems
}

// foreign finds data of Prosody in a directory, or "". Nothing is opened.
func foreign(dir string) string {
	if name := filepath.Join(dir, "prosody.sqlite"); exists(name) {
		return name
	}
	found := ""
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || found != "":
			return fs.SkipDir
		case d.IsDir() && strings.Count(strings.TrimPrefix(path, dir), string(filepath.Separator)) > 2:
			return fs.SkipDir // HOST/STORE/USER.dat is all that there is
		case !d.IsDir() && filepath.Ext(path) == ".dat":
			found = path
			return fs.SkipAll
		}
		return nil
	})
	return found
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

func newCatalogue(b Build) module.Catalogue { return module.NewCatalogue(b.Modules) }
