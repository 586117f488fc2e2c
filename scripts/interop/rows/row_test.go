// SPDX-License-Identifier: Apache-2.0

package rows_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// A row is a file of testdata: what a module of Prosody does, on the wire.
type row struct {
	name    string // of the file
	number  int    // in the table of the README
	modules []string
	text    string
}

// A play is one run of a row: with its modules, or without them.
type play struct {
	with   bool
	config string
	files  map[string]string
	errors []string // that the log must have
	steps  string
}

var (
	title     = regexp.MustCompile(`^Row (\d+), ([a-z0-9_ ]+) \[(ref|doc)\]: \S`)
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
		first, _, _ := strings.Cut(string(text), "\n")
		m := title.FindStringSubmatch(first)
		if m == nil {
			return nil, fmt.Errorf("%s: the first line is not %q", file, `Row N, MODULES [ref]: sentence`)
		}
		n, _ := strconv.Atoi(m[1]) // they are digits
		rows = append(rows, row{
			name: strings.TrimSuffix(filepath.Base(file), ".txtar"), number: n,
			modules: strings.Fields(m[2]), text: string(text),
		})
	}
	return rows, nil
}

// play takes out of the row what is not meant for this run. Lines keep their
// numbers.
func (r row) play(with bool, places *strings.Replacer) play {
	p := play{with: with, files: make(map[string]string)}
	var config, errors, steps strings.Builder
	file := ""
	to := &steps
	for line := range strings.Lines(places.Replace(r.text)) {
		m := separator.FindStringSubmatch(line)
		if m == nil {
			if to == nil {
				p.files[file] += line
			} else {
				to.WriteString(line)
			}
			if to != &steps {
				steps.WriteString("\n")
			}
			continue
		}
		head, meant := m[1], true
		if rest, ok := strings.CutPrefix(head, "with: "); ok {
			head, meant = rest, with
		} else if rest, ok := strings.CutPrefix(head, "without: "); ok {
			head, meant = rest, !with
		}
		name, isFile := strings.CutPrefix(head, "file ")
		switch {
		case !meant:
			to = new(strings.Builder)
		case head == "config.lua":
			to = &config
		case head == "errors":
			to = &errors
		case isFile:
			to, file = nil, name
		default:
			to = &steps
			steps.WriteString("-- " + head + " --\n")
			continue
		}
		steps.WriteString("\n")
	}
	p.config, p.steps = config.String(), steps.String()
	for line := range strings.Lines(errors.String()) {
		if line = strings.TrimSpace(line); line != "" {
			p.errors = append(p.errors, line)
		}
	}
	return p
}
