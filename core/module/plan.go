// SPDX-License-Identifier: Apache-2.0

package module

import (
	"fmt"
	"slices"

	"tercet/config"
)

// A key names an instance: a module on a host, or on the server ("").
type key struct{ host, name string }

// A want is an instance that the config asks for.
type want struct {
	key
	def     Definition
	options any
	hosts   []string // for a server module: the hosts that enable it
	needs   []key
}

// Wanted are the instances that a config asks for, each after those that it
// needs.
type wanted struct {
	list     []*want
	byKey    map[key]*want
	problems []config.Problem
}

// plan reads which module shall run where (prosody-compat.md 4.2) with which
// options.
func plan(cat Catalogue, c *config.Config) *wanted {
	cat = cat.For(c)
	w := &wanted{byKey: make(map[key]*want)}
	global := set(canonical(cat, enabled(c.Global)))
	for _, word := range cat.Words() { // in the same order each time
		if d := cat[word]; d.auto && word == d.Name {
			global.add(name{word: word, pos: c.Global.Pos})
		}
	}
	global.remove(canonical(cat, words(c.Global, "modules_disabled")))
	for _, d := range global.list {
		if def, ok := w.find(cat, d); ok && def.Placement == OnServer {
			w.add(cat, c, "", def, d.pos)
		}
	}
	for _, h := range c.Hosts {
		if v, ok := h.Options["enabled"]; ok && v.Kind() == config.Bool && !v.Bool() {
			continue
		}
		w.host(cat, c, h, global)
	}
	for _, n := range canonical(cat, words(c.Global, "modules_critical")) {
		if !slices.ContainsFunc(w.list, func(inst *want) bool { return inst.name == n.word }) {
			w.problems = append(w.problems, config.Problem{Pos: n.pos, Severity: config.Error, Text: fmt.Sprintf("modules_critical: %q is enabled on no host", n.word)})
		}
	}
	w.sort()
	return w
}

func (w *wanted) host(cat Catalogue, c *config.Config, h *config.Section, global *nameSet) {
	here := set(nil)
	for _, n := range global.list {
		def, ok := cat[n.word]
		if ok && (h.Kind == config.VirtualHost || def.component) {
			here.add(n)
		}
	}
	if h.Kind == config.VirtualHost {
		here.add(authentication(c, h))
	} else {
		here.add(name{word: h.Module, pos: h.Pos})
	}
	for _, n := range canonical(cat, enabled(h)) {
		here.add(n)
	}
	here.remove(canonical(cat, words(h, "modules_disabled")))
	for _, n := range here.list {
		def, ok := w.find(cat, n)
		if !ok {
			continue
		}
		if def.Placement == OnServer {
			if inst := w.add(cat, c, "", def, n.pos); inst != nil {
				inst.hosts = append(inst.hosts, h.Name)
			}
			continue
		}
		w.add(cat, c, h.Name, def, n.pos)
	}
}

// canonical gives a module that has several config words its first one, so that
// disabling it by one undoes enabling it by another.
func canonical(cat Catalogue, list []name) []name {
	for i, n := range list {
		if def, ok := cat[n.word]; ok {
			list[i].word = def.Name
		}
	}
	return list
}

// mentioned are all words of modules in a config.
func mentioned(c *config.Config) (all []string) {
	for _, s := range append([]*config.Section{c.Global}, c.Hosts...) {
		for _, n := range append(enabled(s), authentication(c, s), name{word: s.Module}) {
			all = append(all, n.word)
		}
	}
	return all
}

// authentication is the provider module of a host (option "authentication").
func authentication(c *config.Config, h *config.Section) name {
	word, pos := "internal_hashed", h.Pos
	if v, ok := c.Lookup(h.Name, "authentication"); ok && v.Kind() == config.String {
		word, pos = v.Str(), v.Pos
	}
	if word == "null" {
		return name{}
	}
	return name{word: "auth_" + word, pos: pos}
}

func (w *wanted) find(cat Catalogue, n name) (Definition, bool) {
	def, ok := cat[n.word]
	if ok || n.word == "" || n.word == "posix" { // pidfile, umask and signals are the core's
		return def, ok
	}
	text := fmt.Sprintf("there is no module %q in this server", n.word)
	if near := config.Suggest(n.word, cat.Words()); near != "" {
		text += fmt.Sprintf("; did you mean %s?", near)
	}
	p := config.Problem{Pos: n.pos, Severity: config.Warning, Text: text}
	if !slices.Contains(w.problems, p) {
		w.problems = append(w.problems, p)
	}
	return def, false
}

// add wants a module on a host, with all that it requires.
func (w *wanted) add(cat Catalogue, c *config.Config, host string, def Definition, pos config.Pos) *want {
	k := key{host, def.Name}
	if inst, ok := w.byKey[k]; ok {
		return inst
	}
	inst := &want{key: k, def: def}
	w.byKey[k] = inst
	options, problems := def.decode(c, host)
	inst.options = options
	for _, p := range problems {
		if !slices.Contains(w.problems, p) { // a global value is the same for each host
			w.problems = append(w.problems, p)
		}
	}
	needs := def.requires
	if def.brings != nil {
		needs = slices.Concat(needs, def.brings(c, host))
	}
	for _, needed := range needs {
		other, ok := cat[needed]
		if !ok {
			w.problems = append(w.problems, config.Problem{Pos: pos, Severity: config.Error, Text: fmt.Sprintf("module %s needs %s, which this server does not have", def.Name, needed)})
			continue
		}
		at := host
		if other.Placement == OnServer {
			at = ""
		}
		if dep := w.add(cat, c, at, other, pos); dep != nil {
			inst.needs = append(inst.needs, dep.key)
			if at == "" && host != "" && !slices.Contains(dep.hosts, host) {
				dep.hosts = append(dep.hosts, host)
			}
		}
	}
	w.list = append(w.list, inst)
	return inst
}

// sort puts server modules first, and each module behind those it needs; add
// has done the latter already.
func (w *wanted) sort() {
	for _, inst := range w.list {
		slices.Sort(inst.hosts)
		inst.hosts = slices.Compact(inst.hosts)
	}
	slices.SortStableFunc(w.list, func(a, b *want) int {
		return min(len(a.host), 1) - min(len(b.host), 1)
	})
}

// A name is a module's word as it stands in the config.
type name struct {
	word string
	pos  config.Pos
}

type nameSet struct {
	list []name
	at   map[string]bool
}

func set(list []name) *nameSet {
	s := &nameSet{at: make(map[string]bool)}
	for _, n := range list {
		s.add(n)
	}
	return s
}

func (s *nameSet) add(n name) {
	if n.word == "" || s.at[n.word] {
		return
	}
	s.at[n.word] = true
	s.list = append(s.list, n)
}

func (s *nameSet) remove(gone []name) {
	for _, n := range gone {
		delete(s.at, n.word)
		s.list = slices.DeleteFunc(s.list, func(have name) bool { return have.word == n.word })
	}
}

func enabled(s *config.Section) []name { return words(s, "modules_enabled") }

func words(s *config.Section, option string) []name {
	v, ok := s.Options[option]
	if !ok {
		return nil
	}
	var list []name
	for _, item := range v.List() {
		if item.Kind() == config.String {
			list = append(list, name{item.Str(), item.Pos})
		}
	}
	return list
}
