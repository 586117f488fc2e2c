// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strings"
)

// CheckHosts reports what is wrong with the sections themselves: that no host is
// to be served, or that an option of the whole server stands in a host's section.
func CheckHosts(c *Config) []Problem {
	var problems []Problem
	serving := false
	for _, s := range c.Hosts {
		serving = serving || s.Kind == VirtualHost && s.Enabled()
		for name, v := range s.Options {
			switch {
			case name == "enabled" && v.Kind() != Bool:
				problems = append(problems, Problem{v.Pos, Error, "enabled: want true or false, got " + v.String()})
			case strings.HasSuffix(name, "_ports"), strings.HasSuffix(name, "_interfaces"):
				problems = append(problems, Problem{v.Pos, Warning, name + ": without effect on " + s.Name +
					"; ports are those of the whole server, set them in the global section"})
			}
		}
	}
	if !serving {
		problems = append(problems, Problem{Pos{File: c.File}, Error, `no host to serve: at least one VirtualHost must be enabled`})
	}
	return Sort(problems)
}

// Modules lists the modules of a host as Prosody chooses them, each with the
// place that asks for it, first what is to be loaded first. auto are those that
// are loaded unasked, inherited the ones that a component takes over from the
// global section; the empty host stands for the global section itself.
func Modules(c *Config, host string, auto, inherited []string) ([]Value, []Problem) {
	m := &moduleList{}
	s := c.Section(host)
	if s == nil {
		return nil, nil
	}
	if s.Kind == Component && s.Module != "" {
		m.add(Of(s.Pos, s.Module))
	}
	wanted := &moduleList{}
	for _, name := range auto {
		wanted.add(Of(Pos{File: c.File}, name))
	}
	wanted.enable(c.Global)
	wanted.disable(c.Global)
	for _, v := range wanted.names {
		if s.Kind != Component || slices.Contains(inherited, v.Str()) {
			m.add(v)
		}
	}
	if host != "" {
		m.enable(s)
		m.disable(s)
	}
	m.problems = append(m.problems, wanted.problems...)
	if i := m.index("vcard"); i >= 0 && m.index("vcard_legacy") >= 0 {
		m.problems = append(m.problems, Problem{m.names[i].Pos, Warning, "modules_enabled: vcard is left out, for vcard_legacy takes its place"})
		m.names = slices.Delete(m.names, i, i+1)
	}
	return m.names, Sort(m.problems)
}

// Disabled reports whether modules_disabled has a word, for all hosts or for
// one.
func Disabled(c *Config, host, word string) bool {
	for _, name := range [...]string{"", host} {
		if s := c.Section(name); s != nil && slices.ContainsFunc(s.Options["modules_disabled"].List(), func(v Value) bool { return v.Str() == word }) {
			return true
		}
	}
	return false
}

type moduleList struct {
	names    []Value
	problems []Problem
}

func (m *moduleList) index(name string) int {
	return slices.IndexFunc(m.names, func(v Value) bool { return v.Str() == name })
}

func (m *moduleList) add(v Value) {
	if m.index(v.Str()) < 0 {
		m.names = append(m.names, v)
	}
}

func (m *moduleList) enable(s *Section) {
	for _, v := range m.read(s, "modules_enabled") {
		m.add(v)
	}
}

func (m *moduleList) disable(s *Section) {
	for _, v := range m.read(s, "modules_disabled") {
		if i := m.index(v.Str()); i >= 0 {
			m.names = slices.Delete(m.names, i, i+1)
		}
	}
}

// read returns the names that an option lists; what is no list of names is
// reported and left out.
func (m *moduleList) read(s *Section, option string) []Value {
	v, ok := s.Options[option]
	switch {
	case !ok:
		return nil
	case v.Kind() != Table:
		m.problems = append(m.problems, Problem{v.Pos, Error, option + ": want a list of names, got " + v.String()})
		return nil
	}
	var names []Value
	for _, item := range v.List() {
		if item.Kind() != String || item.Str() == "" {
			m.problems = append(m.problems, Problem{item.Pos, Error, option + ": want the name of a module, got " + item.String()})
			continue
		}
		names = append(names, item)
	}
	for _, p := range v.Fields() {
		m.problems = append(m.problems, Problem{p.Value.Pos, Warning, option + ": ignored: " + luaKey(p.Key) + " = ... is not an item of a list"})
	}
	return names
}
