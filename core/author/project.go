// SPDX-License-Identifier: Apache-2.0

package author

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"tercet/config"
	"tercet/core"
	"tercet/core/control"
	"tercet/core/module"
	"tercet/sdk"
)

// templates has a folder for each language. Its files end in .tmpl, so that
// no tool takes them for what they are not yet; NAME in their names and texts
// is the module's.
//
//go:embed templates
var templates embed.FS

// languages are those that a project can be made in.
func languages() []string { return []string{"lua", "go", "rust", "c", "assemblyscript"} }

// synonyms are what people call the languages, too.
var synonyms = map[string]string{"golang": "go", "rs": "rust", "as": "assemblyscript", "asc": "assemblyscript", "typescript": "assemblyscript", "ts": "assemblyscript"}

// named is what a module may be called: a word of the config and of a file.
var named = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// A projectResult is what module new --json prints.
type projectResult struct {
	Name  string   `json:"name"`
	Dir   string   `json:"dir"`
	Files []string `json:"files"`
}

// makeProject is "module new".
func makeProject(_ context.Context, c core.Call) int {
	var lang, dir string
	words, err := parse(c.Args, map[string]*string{"lang": &lang, "dir": &dir})
	switch {
	case err != nil:
		return usage(c, "%v", err)
	case len(words) == 0:
		return usage(c, "NAME is missing: the module's word in the config")
	case len(words) > 1:
		return usage(c, "what is %q?", words[1])
	}
	name := words[0]
	if err := checkName(c.Build, name); err != nil {
		return usage(c, "%v", err)
	}
	if err := checkLanguage(lang); err != nil {
		return usage(c, "%v", err)
	}
	if dir == "" {
		dir = name
		if lang == "lua" {
			dir = "mod_" + name
		}
	}
	files, err := project(name, lang)
	if err == nil {
		err = write(dir, files)
	}
	if err != nil {
		return fail(c, err.Error())
	}
	names := slices.Sorted(maps.Keys(files))
	if c.JSON {
		result(c, projectResult{name, dir, names})
		return control.OK
	}
	for _, n := range names {
		fmt.Fprintln(c.Out, filepath.Join(dir, n))
	}
	fmt.Fprintf(c.Out, "What next: cd %s && make test; README.md says the rest.\n", dir)
	return control.OK
}

// checkName says why a module cannot have the name.
func checkName(b core.Build, name string) error {
	if !named.MatchString(name) {
		text := fmt.Sprintf("%q cannot be the name of a module: it begins with a letter and has small letters, digits and _ only", name)
		if near := repair(name); near != "" {
			text += fmt.Sprintf("; did you mean %q?", near)
		}
		return errors.New(text)
	}
	if rest := strings.TrimPrefix(name, "mod_"); rest != name && rest != "" {
		return fmt.Errorf("the name is the word in the config, without mod_; did you mean %q?", rest)
	}
	if _, ok := module.NewCatalogue(b.Modules)[name]; ok {
		return fmt.Errorf("%q is a module of this server already", name)
	}
	if slices.Contains(reserved, name) {
		return fmt.Errorf("%q is a word of Lua, in which the config is written; did you mean %q?", name, name+"_filter")
	}
	return nil
}

// reserved are the words that a config can not have as a name.
var reserved = []string{
	"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil", "not", "or",
	"repeat", "return", "then", "true", "until", "while",
}

// repair makes a name of what is none, or "".
func repair(name string) string {
	s := strings.ToLower(filepath.Base(name))
	for _, ending := range []string{".lua", ".wasm", ".go", ".rs", ".c", ".ts"} {
		s = strings.TrimSuffix(s, ending)
	}
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.TrimPrefix(s, "mod_"))
	s = strings.Trim(s, "_0123456789")
	if !named.MatchString(s) {
		return ""
	}
	return s
}

func checkLanguage(lang string) error {
	all := strings.Join(languages(), ", ")
	switch {
	case lang == "":
		return fmt.Errorf("--lang is missing: one of %s", all)
	case slices.Contains(languages(), lang):
		return nil
	}
	near := synonyms[strings.ToLower(lang)]
	if near == "" {
		near = config.Suggest(strings.ToLower(lang), languages())
	}
	if near != "" {
		return fmt.Errorf("no projects in %q; did you mean %q?", lang, near)
	}
	return fmt.Errorf("no projects in %q; the languages are %s", lang, all)
}

// project is all files of a new project.
func project(name, lang string) (map[string][]byte, error) {
	files := make(map[string][]byte)
	top := path.Join("templates", lang)
	for _, from := range []string{"templates/wasm", top} {
		if lang == "lua" && from != top {
			continue
		}
		err := fs.WalkDir(templates, from, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := templates.ReadFile(file)
			if err != nil {
				return err
			}
			to := strings.TrimSuffix(strings.TrimPrefix(file, from+"/"), ".tmpl")
			if to == "luarc.json" {
				to = ".luarc.json" // a name that go:embed leaves out
			}
			files[strings.ReplaceAll(to, "NAME", name)] = []byte(strings.ReplaceAll(string(text), "NAME", name))
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("project in %s: %w", lang, err)
		}
	}
	for file, text := range sdk.Files(lang) {
		files["sdk/"+file] = text
	}
	if lang != "lua" {
		files["sdk/api.txt"] = sdk.API
	}
	return files, nil
}

// write writes the files, unless one of them is there.
func write(dir string, files map[string][]byte) error {
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return fmt.Errorf("%s is there already; nothing has been written", filepath.Join(dir, name))
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("make a project: %w", err)
		}
	}
	for _, name := range names {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // as people's folders are
			return fmt.Errorf("make a project: %w", err)
		}
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // as people's files are
		if err != nil {
			return fmt.Errorf("make a project: %w", err)
		}
		_, err = f.Write(files[name])
		if err = errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("make a project: %w", err)
		}
	}
	return nil
}
