// SPDX-License-Identifier: Apache-2.0

// Package config holds what the config file says: every value with the place
// it was written at, looked up as Prosody does (the host's own value, else the
// global one) and decoded into structs that are their own schema.
//
// Running the file is the business of config/luacfg; this package knows no Lua.
package config

import (
	"cmp"
	"slices"
	"strconv"
)

// Pos is a place in a config file. A zero Line means the file as a whole.
type Pos struct {
	File string
	Line int
}

// String returns "file:line", as editors and compilers write it.
func (p Pos) String() string {
	switch {
	case p.File == "":
		return "config"
	case p.Line == 0:
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line)
}

// SectionKind tells what a section of the file describes.
type SectionKind uint8

// The kinds of sections.
const (
	Global SectionKind = iota
	VirtualHost
	Component
)

// String returns the word that opens such a section in the file.
func (k SectionKind) String() string {
	return [...]string{"global", "VirtualHost", "Component"}[k]
}

// Section is one part of the file: the global one, or one host's.
type Section struct {
	Kind SectionKind
	// Name is the domainpart in its prepared form; empty for the global section.
	Name string
	// Module is the component's module ("component" for an external one).
	Module string
	// Pos is where the host was first defined.
	Pos     Pos
	Options map[string]Value
}

// Enabled reports whether the host is to be activated: `enabled = false` says no.
func (s *Section) Enabled() bool {
	v, ok := s.Options["enabled"]
	return !ok || v.Kind() != Bool || v.Bool()
}

// Config is what one run of the config file has said.
type Config struct {
	// File is the file as it was asked for, Dir its folder: relative paths in
	// options that are documented as config-relative start there.
	File, Dir string
	Global    *Section
	// Hosts are the VirtualHosts and Components in the order of their definition.
	Hosts    []*Section
	Problems []Problem
	// Files are the Lua files that were run, the main file first.
	Files []string
}

// New returns an empty config for file.
func New(file, dir string) *Config {
	return &Config{
		File:   file,
		Dir:    dir,
		Global: &Section{Pos: Pos{File: file}, Options: map[string]Value{}},
	}
}

// Section returns the section of host, or nil. The empty host is the global section.
func (c *Config) Section(host string) *Section {
	if host == "" {
		return c.Global
	}
	for _, s := range c.Hosts {
		if s.Name == host {
			return s
		}
	}
	return nil
}

// Lookup returns the value of option for host: its own, else the global one.
// A component inherits nothing from the host whose domain it extends.
func (c *Config) Lookup(host, option string) (Value, bool) {
	if host != "" {
		if s := c.Section(host); s != nil {
			if v, ok := s.Options[option]; ok {
				return v, true
			}
		}
	}
	v, ok := c.Global.Options[option]
	return v, ok
}

// Severity says whether a problem keeps the server from starting.
type Severity uint8

// The severities: a Warning is reported, an Error also refuses the config.
const (
	Warning Severity = iota
	Error
)

// String returns "warning" or "error".
func (s Severity) String() string {
	if s == Error {
		return "error"
	}
	return "warning"
}

// Problem is something wrong in the config, and where.
type Problem struct {
	Pos      Pos
	Severity Severity
	Text     string
}

// String returns "file:line: text".
func (p Problem) String() string { return p.Pos.String() + ": " + p.Text }

// Sort orders problems by file, line and text and drops repetitions, such as
// those of a global option that several hosts read.
func Sort(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(problems)
}

// Failed reports whether one of the problems is an Error.
func Failed(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity == Error })
}
