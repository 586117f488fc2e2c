// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"os"
	"strings"
	"testing"

	"tercet/modules/presence"
)

func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := "<!-- options -->\n" + strings.TrimSpace(presence.Module.OptionsTable()) + "\n<!-- /options -->"; !strings.Contains(string(text), want) {
		t.Errorf("README.md lacks\n%s", want)
	}
}
