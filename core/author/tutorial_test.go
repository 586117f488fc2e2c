// SPDX-License-Identifier: Apache-2.0

package author_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the repository.
const root = "../.."

// needs are the files without which a section's language can not be built;
// scripts/deps.sh installs them. A name without a slash is looked for in PATH.
func needs(section string) []string {
	return map[string][]string{
		"Go":             {"go"},
		"Rust":           {"/usr/bin/rustc", "/usr/lib/rustlib/wasm32-unknown-unknown"},
		"C":              {"clang", "wasm-ld"},
		"AssemblyScript": {asc()},
	}[section]
}

// asc is where scripts/deps.sh puts AssemblyScript, or in the path.
func asc() string {
	if local, err := filepath.Abs(filepath.Join(root, "build/assemblyscript/node_modules/.bin/asc")); err == nil {
		if _, err := os.Stat(local); err == nil {
			return local
		}
	}
	return "asc"
}

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)\n```$")

// TestTutorial does what examples/README.md says: the blocks of each section,
// one after the other, in a folder of its own. Nothing is fetched.
func TestTutorial(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "examples/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "tercet"), "tercet").CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	env := append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "TERCET_CONFIG=", "GOPROXY=off", "GOFLAGS=",
		"RUSTC=/usr/bin/rustc", "ASC="+asc())
	sections := strings.Split(string(text), "\n## ")
	blocks := 0
	for _, section := range sections {
		title, body, _ := strings.Cut(section, "\n")
		found := shellBlock.FindAllStringSubmatch(body, -1)
		if blocks += len(found); len(found) == 0 {
			continue
		}
		t.Run(title, func(t *testing.T) {
			for _, file := range needs(title) {
				if _, err := os.Stat(file); strings.Contains(file, "/") && err != nil {
					t.Skipf("%s is not there (make deps)", file)
				} else if _, err := exec.LookPath(file); !strings.Contains(file, "/") && err != nil {
					t.Skipf("%s is not installed (make deps)", file)
				}
			}
			var script strings.Builder
			for _, block := range found {
				fmt.Fprintf(&script, "%s\n", block[1])
			}
			cmd := exec.CommandContext(t.Context(), "sh", "-exc", script.String())
			cmd.Dir, cmd.Env = t.TempDir(), env
			out, err := cmd.CombinedOutput()
			t.Logf("%s", out)
			if err != nil {
				t.Error(err)
			}
		})
	}
	if blocks < 10 {
		t.Errorf("the tutorial has %d shell blocks", blocks)
	}
}
