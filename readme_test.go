// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tercet/config"
	"tercet/core"
	"tercet/core/coretest"
	"tercet/modules"
)

// TestReadme compares the generated parts of the README with the code and with
// the modules' READMEs.
func TestReadme(t *testing.T) {
	coretest.Generated(t, "README.md", "options", config.FieldsTable(core.Fields()))
	coretest.Generated(t, "README.md", "modules", moduleTable(t))
}

// moduleTable has a row for each README of a module: its words, what it does
// in one sentence, and what it follows.
func moduleTable(t *testing.T) string {
	t.Helper()
	words := make(map[string][]string) // by README
	for _, d := range modules.All {
		file := readmeOf(d.Name)
		if file == "" {
			t.Errorf("the module %s has no README", d.Name)
			continue
		}
		words[file] = append(words[file], "`"+d.Name+"`")
	}
	var rows []string
	for file, names := range words {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		does, follows := describe(t, file, string(b))
		rows = append(rows, fmt.Sprintf("| %s | [%s](%s) | %s |\n", strings.Join(names, ", "), does, file, follows))
	}
	slices.Sort(rows)
	return "| Word | What it does | Specifications |\n|---|---|---|\n" + strings.Join(rows, "")
}

// readmeOf finds the README of a module. Mechanisms and accounts lie deeper
// than their words say.
func readmeOf(name string) string {
	dirs := []string{name, "sasl/" + name, "guest/" + name}
	if strings.HasPrefix(name, "auth_internal_") {
		dirs = []string{"auth/accounts"}
	} else if provider, ok := strings.CutPrefix(name, "auth_"); ok {
		dirs = []string{"auth/" + provider}
	}
	if name == "httpd" {
		dirs = []string{"http"}
	}
	for _, dir := range dirs {
		file := path.Join("modules", dir, "README.md")
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return ""
}

var specification = regexp.MustCompile(`\[((?:XEP-|RFC )\d+)\]\(https://`)

// describe takes the first sentence below Name, without its subject, and the
// links below Specifications.
func describe(t *testing.T, file, text string) (does, follows string) {
	t.Helper()
	name := strings.TrimSpace(section(text, "Name"))
	_, does, ok := strings.Cut(name, "` ")
	if !ok || !strings.HasPrefix(name, "`") {
		t.Errorf("%s: below Name stands no sentence that begins with the module's word", file)
	}
	does, _, _ = strings.Cut(does, "\n")
	does, _, _ = strings.Cut(does, ". ")
	does, _, _ = strings.Cut(does, ": `")
	var links []string
	for _, m := range specification.FindAllStringSubmatch(section(text, "Specifications"), -1) {
		if !slices.Contains(links, m[1]) {
			links = append(links, m[1])
		}
	}
	return strings.TrimSuffix(does, "."), strings.Join(links, ", ")
}

func section(text, heading string) string {
	_, rest, _ := strings.Cut(text, "\n## "+heading+"\n")
	rest, _, _ = strings.Cut(rest, "\n## ")
	return rest
}

var link = regexp.MustCompile(`\]\(([^)]+)\)`)

// TestReadmeLinks looks for the files and headings that the README points to.
func TestReadmeLinks(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range link.FindAllStringSubmatch(string(b), -1) {
		switch to := m[1]; {
		case strings.HasPrefix(to, "https://"):
		case strings.HasPrefix(to, "#"):
			if !strings.Contains(strings.ToLower(string(b)), "\n## "+to[1:]+"\n") {
				t.Errorf("no heading %s", to)
			}
		default:
			if _, err := os.Stat(to); err != nil {
				t.Error(err)
			}
		}
	}
}
