// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMain is the program when it is started as a plugin.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "plugin" {
		main()
	}
	os.Exit(m.Run())
}

// The binary is its own plugin, which tells people that it is not for them.
func TestPlugin(t *testing.T) {
	out, err := exec.Command(os.Args[0], "plugin", "extauth").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "This binary is a plugin") {
		t.Errorf("%v: %s", err, out)
	}
}
