// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// ownOption is an option whose name begins with the module's.
var ownOption = regexp.MustCompile(`module:get_option[a-z_]*\s*\(?\s*module\.name\s*\.\.\s*["']([A-Za-z0-9_]+)["']`)

// moreOptions finds what scan cannot: options that are named after the module,
// and those that the libraries beside it read.
func moreOptions(word, path string, code []byte) (names []string) {
	add := func(code []byte) {
		for _, m := range ownOption.FindAllSubmatch(code, -1) {
			names = append(names, word+string(m[1]))
		}
	}
	add(code)
	dir := filepath.Dir(path)
	if strings.TrimPrefix(filepath.Base(dir), "mod_") != word {
		return names // the folder is that of many
	}
	libraries, _ := filepath.Glob(filepath.Join(dir, "*.lib.lua")) // none, at worst
	for _, file := range libraries {
		if info, err := os.Stat(file); err != nil || info.Size() > maxSource {
			continue
		}
		if code, err := os.ReadFile(file); err == nil {
			_, options := scan(code)
			names = append(names, options...)
			add(code)
		}
	}
	return names
}
