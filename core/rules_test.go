// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// tree is the source of the repository as the rules see it: one reading of
// all files, whatever system they are built for.
type tree struct {
	fsys     fs.FS
	packages map[string]*pkg // by folder; "." is the root
	files    map[string][]byte
}

type pkg struct {
	dir     string
	sources []*source
}

type source struct {
	name, dir string // the whole path, and its folder
	test      bool
	generated bool
	lines     int
	code      int // lines that are neither blank nor comment
	imports   []string
	ast       *ast.File
	fset      *token.FileSet
}

// rules are the checkers; each returns one line for each place that breaks it.
var rules = []struct {
	name  string
	check func(*tree) []string
}{
	{"imports", checkImports},
	{"libraries", checkLibraries},
	{"sizes", checkSizes},
	{"budget", checkBudget},
	{"names", checkNames},
	{"goroutines", checkGoroutines},
	{"modules", checkModules},
	{"licence", checkLicence},
	{"links", checkLinks},
}

func readTree(fsys fs.FS) (*tree, error) {
	t := &tree{fsys: fsys, packages: map[string]*pkg{}, files: map[string][]byte{}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name != "." && (base[0] == '.' && base != ".ci" || base[0] == '_' ||
				slices.Contains([]string{"testdata", "data", "build"}, base) || exists(fsys, name+"/go.mod")) {
				return fs.SkipDir
			}
			return nil
		}
		if !slices.Contains([]string{".go", ".sh", ".py", ".md"}, path.Ext(name)) && path.Dir(name) != ".ci" && base != "Makefile" {
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		t.files[name] = text
		if path.Ext(name) != ".go" {
			return nil
		}
		return t.addSource(name, text)
	})
	return t, err
}

var codeLine = regexp.MustCompile(`(?m)^[ \t]*([^ \t\n/]|/[^/])`)

func (t *tree) addSource(name string, text []byte) error {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	s := &source{
		name: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), generated: ast.IsGenerated(file),
		lines: bytes.Count(text, []byte("\n")), code: len(codeLine.FindAllIndex(text, -1)), ast: file, fset: fset,
	}
	for _, i := range file.Imports {
		target, _ := strconv.Unquote(i.Path.Value)
		s.imports = append(s.imports, target)
	}
	if t.packages[s.dir] == nil {
		t.packages[s.dir] = &pkg{dir: s.dir}
	}
	p := t.packages[s.dir]
	p.sources = append(p.sources, s)
	return nil
}

func exists(fsys fs.FS, name string) bool {
	_, err := fs.Stat(fsys, name)
	return err == nil
}

// sources are all Go files, by name.
func (t *tree) sources() []*source {
	var all []*source
	for _, p := range t.packages {
		all = append(all, p.sources...)
	}
	slices.SortFunc(all, func(a, b *source) int { return strings.Compare(a.name, b.name) })
	return all
}

func checkSizes(t *tree) (broken []string) {
	for _, s := range t.sources() {
		if s.test || s.generated {
			continue
		}
		if s.lines > maxFile {
			broken = append(broken, fmt.Sprintf("%s has %d lines, more than %d: cut it by subject", s.name, s.lines, maxFile))
		}
		for _, d := range s.ast.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1; n > maxFunction {
				broken = append(broken, fmt.Sprintf("%s: function %s has %d lines, more than %d", s.name, f.Name.Name, n, maxFunction))
			}
		}
	}
	return broken
}

// checkBudget adds up the core.
func checkBudget(t *tree) []string {
	lines := 0
	for _, s := range t.sources() {
		if in(s.dir, "core") && !slices.Contains(apart, s.dir) && !s.test && !s.generated && !strings.HasSuffix(s.dir, "test") {
			lines += s.code
		}
	}
	if lines <= maxCore {
		return nil
	}
	return []string{fmt.Sprintf("core has %d lines of code, more than %d", lines, maxCore)}
}

func checkNames(t *tree) (broken []string) {
	for dir, p := range t.packages {
		for _, word := range []string{path.Base(dir), strings.TrimSuffix(p.sources[0].ast.Name.Name, "_test")} {
			if slices.Contains(badPackages, word) || strings.HasSuffix(word, "util") || strings.HasSuffix(word, "utils") {
				broken = append(broken, fmt.Sprintf("package %s: %q does not say what it is for", dir, word))
				break
			}
		}
	}
	for _, s := range t.sources() {
		if slices.Contains(badFiles, path.Base(s.name)) {
			broken = append(broken, s.name+": name a file by its subject")
		}
	}
	slices.Sort(broken)
	return broken
}

// checkGoroutines: a module's goroutines belong to its scope, which ends them.
func checkGoroutines(t *tree) (broken []string) {
	for _, s := range t.sources() {
		if s.test || !in(s.dir, "modules") || slices.ContainsFunc(owners, func(o string) bool { return strings.HasPrefix(s.name, o) }) {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok {
				broken = append(broken, fmt.Sprintf("%s:%d: a go statement: use the scope's Go", s.name, s.fset.Position(g.Pos()).Line))
			}
			return true
		})
	}
	return broken
}

// checkModules asks of each module's folder a README, a test, a golden stream
// and its line in modules.go.
func checkModules(t *tree) (broken []string) {
	for _, dir := range slices.Sorted(maps.Keys(t.packages)) {
		if !in(dir, "modules") || dir == "modules" || t.leafOf(dir) != "" || t.isGroup(dir) {
			continue
		}
		if t.packages["modules"] == nil && !t.declaresModule(dir) {
			continue // the house is being built, and this is no module yet
		}
		if !slices.ContainsFunc(t.packages[dir].sources, func(s *source) bool { return s.test }) {
			broken = append(broken, dir+" has no test")
		}
		if t.sharedIn(dir) != "" {
			continue
		}
		broken = append(broken, t.readmeFaults(dir)...)
		golden, _ := fs.Glob(t.fsys, dir+"/testdata/*.txtar")
		driver := slices.ContainsFunc(drivers, func(d string) bool { return strings.HasPrefix(dir+"/", d) })
		if len(golden) == 0 && !driver {
			broken = append(broken, dir+" has no golden stream: testdata/*.txtar")
		}
		if t.packages["modules"] != nil && !t.listed(dir) {
			broken = append(broken, dir+" is not in modules.All")
		}
	}
	return broken
}

func (t *tree) readmeFaults(dir string) []string {
	text, ok := t.files[dir+"/README.md"]
	if !ok {
		return []string{dir + " has no README.md"}
	}
	at := 0
	for _, h := range headings {
		m := regexp.MustCompile(`(?m)^#+ ` + h + `\s*$`).FindIndex(text[at:])
		if m == nil {
			return []string{fmt.Sprintf("%s/README.md has no heading %q in its place; they are %v", dir, h, headings)}
		}
		at += m[1]
	}
	return nil
}

// listed reports whether the list in modules/ uses the package's Module.
func (t *tree) listed(dir string) bool {
	for _, s := range t.packages["modules"].sources {
		for _, i := range s.ast.Imports {
			if target, _ := strconv.Unquote(i.Path.Value); target != "tercet/"+dir || s.test {
				continue
			}
			name := path.Base(dir)
			if i.Name != nil {
				name = i.Name.Name
			} else if p := t.packages[dir]; p != nil {
				name = strings.TrimSuffix(p.sources[0].ast.Name.Name, "_test")
			}
			found := false
			ast.Inspect(s.ast, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				x, ok := sel.X.(*ast.Ident)
				found = found || ok && x.Name == name && sel.Sel.Name == "Module"
				return true
			})
			return found
		}
	}
	return false
}

const licence = "SPDX-License-Identifier: Apache-2.0"

// checkLicence wants the line first, after a "#!" or what marks generated code.
func checkLicence(t *tree) (broken []string) {
	for _, name := range slices.Sorted(maps.Keys(t.files)) {
		if path.Ext(name) == ".md" {
			continue
		}
		head := bytes.SplitN(t.files[name], []byte("\n"), 4)
		if len(head) > 3 {
			head = head[:3]
		}
		if !slices.ContainsFunc(head, func(l []byte) bool { return bytes.HasSuffix(l, []byte(licence)) }) {
			broken = append(broken, name+" does not begin with "+licence)
		}
	}
	return broken
}

var (
	fence = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	code  = regexp.MustCompile("`[^`\n]*`")
	link  = regexp.MustCompile(`\]\(([^)\s]+)[^)]*\)`)
)

// checkLinks: what a Markdown file links to within the repository is there.
func checkLinks(t *tree) (broken []string) {
	for _, name := range slices.Sorted(maps.Keys(t.files)) {
		if path.Ext(name) != ".md" {
			continue
		}
		prose := code.ReplaceAll(fence.ReplaceAll(t.files[name], nil), nil)
		for _, m := range link.FindAllSubmatch(prose, -1) {
			target, _, _ := strings.Cut(string(m[1]), "#")
			if target == "" || strings.Contains(target, ":") {
				continue
			}
			if to := path.Join(path.Dir(name), target); !exists(t.fsys, to) {
				broken = append(broken, fmt.Sprintf("%s links to %s, which is not there", name, target))
			}
		}
	}
	return broken
}
