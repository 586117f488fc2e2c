// SPDX-License-Identifier: Apache-2.0

// Package sdk holds the files that guests are written with, for "tercet module
// new", which puts them beside a project.
package sdk

import (
	"embed"
	"io/fs"
	"strings"
)

// goArchive is the folder go, which is a module of its own and can not be
// embedded; a test writes it.
//
//go:embed go.txtar
var goArchive string

//go:embed c/*.h rust/*.rs assemblyscript/*.ts lua
var files embed.FS

// API lists all that a guest in WebAssembly can attach to.
//
//go:embed api.txt
var API []byte

// Files are those of a language's SDK by their names, which may have slashes;
// nil for a language that has none.
func Files(language string) map[string][]byte {
	if language == "go" {
		return unpack(goArchive)
	}
	all := make(map[string][]byte)
	err := fs.WalkDir(files, language, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		all[strings.TrimPrefix(name, language+"/")], err = files.ReadFile(name)
		return err
	})
	if err != nil {
		return nil
	}
	return all
}

// unpack reads an archive: lines "-- NAME --", each with the file below it.
func unpack(archive string) map[string][]byte {
	all := make(map[string][]byte)
	name := ""
	for line := range strings.Lines(archive) {
		if rest, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(rest, " --\n") {
			name = strings.TrimSuffix(rest, " --\n")
			continue
		}
		if name != "" {
			all[name] = append(all[name], line...)
		}
	}
	return all
}
