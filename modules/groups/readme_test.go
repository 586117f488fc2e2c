// SPDX-License-Identifier: Apache-2.0

package groups_test

import (
	"os"
	"strings"
	"testing"

	"tercet/modules/groups"
)

func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := "<!-- options -->\n" + strings.TrimSpace(groups.Module.OptionsTable()) + "\n<!-- /options -->"; !strings.Contains(string(text), want) {
		t.Errorf("README.md lacks\n%s", want)
	}
}
