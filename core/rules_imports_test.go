// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// ours turns the import path of a package of this repository into its folder.
func ours(target string) (dir string, ok bool) {
	if target == "tercet" {
		return ".", true
	}
	return strings.CutPrefix(target, "tercet/")
}

// checkImports holds section 7 of the architecture: imports point down.
func checkImports(t *tree) (broken []string) {
	for _, s := range t.sources() {
		for _, target := range s.imports {
			if dir, ok := ours(target); ok {
				if why := t.mayNot(s, dir); why != "" {
					broken = append(broken, fmt.Sprintf("%s imports %s: %s", s.name, target, why))
				}
			}
		}
	}
	for dir, p := range t.packages {
		_, ranked := ranks[dir]
		code := slices.ContainsFunc(p.sources, func(s *source) bool { return !s.test })
		if in(dir, "core") && !ranked && code {
			broken = append(broken, dir+" has no rank: give it one in core/architecture_test.go")
		}
	}
	slices.Sort(broken)
	return broken
}

// mayNot says why the file may not import our package dir, or "".
func (t *tree) mayNot(s *source, dir string) string {
	fromRank, fromRanked := ranks[s.dir]
	toRank, toRanked := ranks[dir]
	forTests := strings.HasSuffix(dir, "test") && in(dir, "core")
	switch {
	case s.dir == dir: // the outer test package
		return ""
	case in(dir, "plugins") && (s.dir == "." || s.test): // one binary: main starts itself again as a plugin
		return ""
	case in(dir, "scripts") && !in(s.dir, "scripts"), in(dir, "plugins") && !in(s.dir, "plugins"), in(dir, "examples"), dir == ".":
		return "nothing imports programs"
	case in(s.dir, "sdk"), in(s.dir, "examples"):
		return s.dir + " is for others to copy and stands alone"
	case in(s.dir, "plugins"):
		return ifNot(in(dir, "sdk") || in(dir, "plugins"), "plugins are programs of their own and know only the sdk")
	case in(s.dir, "scripts"):
		return ""
	case s.test:
		return "" // tests look at everything, cycles aside
	case forTests && !strings.HasSuffix(s.dir, "test"):
		return "only tests may"
	case dir == "modules":
		return ifNot(s.dir == "." || s.dir == "core/coretest", "only main knows the list of modules")
	case in(dir, "modules"):
		return t.mayNotModule(s, dir)
	case in(s.dir, "modules") && s.dir != "modules":
		return t.moduleMayNot(s, dir)
	case !fromRanked || !toRanked:
		return "one of the two has no rank"
	case fromRank == 0:
		return "it is a leaf"
	case fromRank <= toRank:
		return "imports point down, and it does not stand below"
	}
	return ""
}

// mayNotModule is for the import of a folder below modules/.
func (t *tree) mayNotModule(s *source, dir string) string {
	switch {
	case s.dir == "modules" || s.dir == ".":
		return ""
	case !in(s.dir, "modules"):
		return "the core knows no feature"
	case t.leafOf(s.dir) != "":
		guest := slices.Contains(stems, t.leafOf(s.dir)) && t.declaresModule(dir) // it stands for code that may be a module
		return ifNot(guest || t.leafOf(dir) == t.leafOf(s.dir), "a module's leaf imports the standard library only")
	case t.leafOf(dir) != "":
		return ifNot(t.leafOf(dir) == s.dir, "it is another module's leaf")
	case t.sharedIn(dir) != "":
		return ifNot(in(s.dir, t.sharedIn(dir)), "it belongs to the modules beside it")
	}
	return ""
}

// moduleMayNot is for what a folder below modules/ imports from outside.
func (t *tree) moduleMayNot(s *source, dir string) string {
	switch {
	case dir == "config/lua51":
		return ifNot(in(s.dir, "modules/guest/lua"), "only who runs Lua needs it")
	case t.leafOf(s.dir) != "" && !slices.Contains(stems, t.leafOf(s.dir)):
		return "a module's leaf imports the standard library only"
	case dir == "config/luacfg":
		return ifNot(s.dir == "modules/guest/lua", "a module gets its options decoded")
	case in(dir, "sdk/proto"): // what it speaks with a process
		return ""
	case dir == "core":
		return "a module knows the packages of the core, not the server"
	}
	return ifNot(in(dir, "core") || dir == "config", "a module imports the core, config, and contracts of modules")
}

// leafOf is the module of which dir is a leaf: one that has Go itself, while
// dir below it declares no Module. Otherwise it is "".
func (t *tree) leafOf(dir string) string {
	if t.declaresModule(dir) {
		return ""
	}
	for _, stem := range stems {
		if in(dir, stem) && dir != stem {
			return stem
		}
	}
	for up := path.Dir(dir); in(up, "modules") && up != "modules"; up = path.Dir(up) {
		if t.declaresModule(up) || t.packages[up] != nil && !t.isGroup(up) {
			return up
		}
	}
	return ""
}

// isGroup reports whether dir is no module itself but has modules below it.
func (t *tree) isGroup(dir string) bool {
	if t.declaresModule(dir) {
		return false
	}
	for below := range t.packages {
		if below != dir && in(below, dir) && t.declaresModule(below) {
			return true
		}
	}
	return false
}

// sharedIn is the group of modules, such as modules/sasl, that share dir;
// it is "" unless dir is a folder of such a group without a Module.
func (t *tree) sharedIn(dir string) string {
	group := path.Dir(dir)
	if t.declaresModule(dir) || t.leafOf(dir) != "" || group == "modules" || !in(group, "modules") || !t.isGroup(group) {
		return ""
	}
	return group
}

func (t *tree) declaresModule(dir string) bool {
	if t.packages[dir] == nil {
		return false
	}
	for _, s := range t.packages[dir].sources {
		for _, d := range s.ast.Decls {
			if g, ok := d.(*ast.GenDecl); ok && !s.test && declares(g, "Module") {
				return true
			}
		}
	}
	return false
}

func declares(g *ast.GenDecl, name string) bool {
	return slices.ContainsFunc(g.Specs, func(s ast.Spec) bool {
		v, ok := s.(*ast.ValueSpec)
		return ok && slices.ContainsFunc(v.Names, func(n *ast.Ident) bool { return n.Name == name })
	})
}

// in reports whether dir is the folder top or below it.
func in(dir, top string) bool { return dir == top || strings.HasPrefix(dir, top+"/") }

func ifNot(good bool, why string) string {
	if good {
		return ""
	}
	return why
}

// checkLibraries lets a foreign module be imported only by the packages that
// are named for it.
func checkLibraries(t *tree) (broken []string) {
	for _, s := range t.sources() {
		for _, target := range s.imports {
			first, _, _ := strings.Cut(target, "/")
			if _, our := ours(target); our || !strings.Contains(first, ".") {
				continue
			}
			users, known := libraries[libraryOf(target)]
			switch allowed := slices.ContainsFunc(users, func(u string) bool { return u == s.dir || strings.HasPrefix(s.name, u) && strings.HasSuffix(u, "/") }); {
			case !known:
				broken = append(broken, fmt.Sprintf("%s imports %s, which core/architecture_test.go does not name", s.name, target))
			case !allowed && !s.test && !strings.HasSuffix(s.dir, "test"):
				broken = append(broken, fmt.Sprintf("%s imports %s; only %v may", s.name, target, users))
			}
		}
	}
	return broken
}

func libraryOf(target string) string {
	for name := range libraries {
		if in(target, name) {
			return name
		}
	}
	return ""
}
