// SPDX-License-Identifier: Apache-2.0

package rows_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A row is a file of testdata: what modules of Prosody do, on the wire.
type row struct {
	name     string // of the file
	number   int    // in the table
	modules  []string
	sentence string
	text     string
}

// A play is what of a row is for one way to play it.
type play struct {
	config string
	files  map[string]string
	errors []string // that the log must have
	steps  string   // a golden stream
}

// client is a section about a client's account, or one that makes an account.
var client = regexp.MustCompile(`(?m)^-- (?:account (\S+)|([^ /!]+)(?:/\S+)? (?:connects|sends|gets|awaits|ends)\b.*) --$`)

// accounts are those that the play takes to be there: name, or name with host.
func (p play) accounts() []string {
	var list []string
	for _, m := range client.FindAllStringSubmatch(p.steps, -1) {
		name := m[1] + m[2]
		if !strings.HasPrefix(name, "stranger") && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

var (
	title     = regexp.MustCompile(`^Row (\d+), ([a-z0-9_ ]+) \[ref\]: (\S.*)`)
	separator = regexp.MustCompile(`^-- (.+) --\s*$`)
)

func readRows() ([]row, error) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		return nil, fmt.Errorf("find rows: %w", err)
	}
	rows := make([]row, 0, len(files))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read row: %w", err)
		}
		r, err := parseRow(strings.TrimSuffix(filepath.Base(file), ".txtar"), string(text))
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func parseRow(name, text string) (row, error) {
	m := title.FindStringSubmatch(text)
	if m == nil {
		return row{}, fmt.Errorf("%s: the first line is not %q", name, `Row N, MODULES [ref]: sentence`)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return row{}, fmt.Errorf("%s: %w", name, err)
	}
	return row{name: name, number: n, modules: strings.Fields(m[2]), sentence: m[3], text: text}, nil
}

// play takes out of the row what is for servers with the modules, or without
// them. Steps keep the numbers of their lines.
func (r row) play(with bool, places *strings.Replacer) play {
	p := play{files: make(map[string]string)}
	var wanted, steps string
	to := &steps // where the lines go
	var dropped, file string
	name := ""
	keep := func() {
		if to == &file {
			p.files[name] = file
		}
		file = ""
	}
	for line := range strings.Lines(places.Replace(r.text)) {
		m := separator.FindStringSubmatch(line)
		if m == nil {
			*to += line
			if to != &steps {
				steps += "\n"
			}
			continue
		}
		keep()
		head, meant := m[1], true
		if rest, ok := strings.CutPrefix(head, "with: "); ok {
			head, meant = rest, with
		} else if rest, ok := strings.CutPrefix(head, "without: "); ok {
			head, meant = rest, !with
		}
		path, isFile := strings.CutPrefix(head, "file ")
		switch {
		case !meant:
			to = &dropped
		case head == "config.lua":
			to = &p.config
		case head == "errors":
			to = &wanted
		case isFile:
			to, name = &file, path
		default:
			to = &steps
			steps += "-- " + head + " --\n"
			continue
		}
		steps += "\n"
	}
	keep()
	for line := range strings.Lines(wanted) {
		if line = strings.TrimSpace(line); line != "" {
			p.errors = append(p.errors, line)
		}
	}
	p.steps = steps
	return p
}
