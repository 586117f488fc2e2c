// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What is for tests only is not part of the program.
func TestDependencies(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", `{{.ImportPath}} {{join .Imports " "}}`, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	ours := 0
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		if words[0] != "tercet" && !strings.HasPrefix(words[0], "tercet/") {
			continue
		}
		ours++
		for _, name := range words[1:] {
			if slices.Contains([]string{"testing", "net/http/httptest", "tercet/core/coretest", "tercet/core/storage/storagetest"}, name) {
				t.Errorf("%s has %s in it", words[0], name)
			}
		}
	}
	if ours < 50 {
		t.Errorf("the program has %d packages of ours", ours)
	}
}
