// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"encoding/json"
	"slices"
	"strings"

	"tercet/config"
)

// Described reports whether any section of the config says something of the
// guest in an option of a runtime, which is a table by config words.
func Described(c *config.Config, option, word string) bool {
	return slices.ContainsFunc(append([]*config.Section{c.Global}, c.Hosts...), func(s *config.Section) bool {
		_, ok := s.Options[option].Get(word)
		return ok
	})
}

// CheckDescription reports, at keys such as ".allow", what no runtime accepts:
// the word, the grants and the options of a guest.
func CheckDescription(at func(key string) config.At, word string, allow []string, options config.Value) {
	if err := Grants(allow).Check(); err != nil {
		at(".allow").Errorf("%v", err)
	}
	if strings.ContainsFunc(word, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		at("").Errorf("the name of a guest has letters, digits, _ and - only")
	}
	if _, err := json.Marshal(Plain(options)); err != nil {
		at(".options").Errorf("cannot be told to the guest: %v", err)
	}
}
