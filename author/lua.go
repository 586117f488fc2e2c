// SPDX-License-Identifier: Apache-2.0

package author

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"tercet/core/module"
)

// takeLua has the server look for modules in Lua in the project's folder.
func (s *stage) takeLua(dir string, files []string) error {
	if !slices.ContainsFunc(s.build.Modules, func(d module.Definition) bool { return d.Name == "lua" }) {
		return errors.New("this server does not run modules in Lua yet: its build has no runtime \"lua\", so " +
			filepath.Base(files[0]) + " cannot be tested; \"tercet module check\" reads it all the same")
	}
	s.extra = fmt.Sprintf("plugin_paths = { %q } ", dir)
	return nil
}
