// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRun runs the whole program on small modules, so that a change of go
// test's events shows.
func TestRun(t *testing.T) {
	const head = "package x\n\nimport \"testing\"\n\n"
	const good = "func TestGood(t *testing.T) { t.Run(\"part\", func(t *testing.T) {}) }\n"
	for _, tt := range []struct {
		name, source string
		ci           bool
		want         []string
		wantErr      string
	}{
		{name: "passes", source: head + good, want: []string{"ok  \tx", "1 packages, 0 failed; 2 tests passed, 0 failed, 0 skipped"}},
		{name: "results in CI", source: head + good, ci: true, want: []string{"--- PASS: TestGood (", "--- PASS: TestGood/part ("}},
		{
			name:   "skip",
			source: head + good + "func TestS(t *testing.T) { t.Skip(\"no tmux\") }\n",
			want:   []string{"ok  \tx", "skipped: x TestS: x_test.go:6: no tmux"},
		},
		{
			name:   "skip in CI",
			source: head + good + "func TestS(t *testing.T) { t.Skip(\"no tmux\") }\n", ci: true,
			want: []string{"skipped: x TestS"}, wantErr: "1 tests were skipped",
		},
		{
			name:   "failure",
			source: head + good + "func TestF(t *testing.T) { t.Error(\"one is not two\") }\n",
			want:   []string{"--- FAIL: TestF (", "one is not two", "FAIL\tx"}, wantErr: "exit status 1",
		},
		{
			name:   "panic",
			source: head + "func TestP(t *testing.T) { t.Log(\"before\"); panic(\"the end\") }\n",
			want:   []string{"before", "the end", "FAIL\tx"}, wantErr: "exit status 1",
		},
		{
			name:   "does not build",
			source: head + "func TestB(t *testing.T) { missing() }\n",
			want:   []string{"undefined: missing", "FAIL\tx [build failed]"}, wantErr: "exit status 1",
		},
		{name: "no tests", source: "package x\n", wantErr: "no test ran"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{"go.mod": "module x\n\ngo 1.26\n", "x_test.go": tt.source} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			t.Chdir(dir)
			var out strings.Builder
			err := run(context.Background(), &out, []string{"./..."}, tt.ci)
			switch {
			case tt.wantErr == "" && err != nil:
				t.Errorf("run: %v", err)
			case tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr)):
				t.Errorf("run: error %v, want one with %q", err, tt.wantErr)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in the output:\n%s", want, out.String())
				}
			}
		})
	}
}
