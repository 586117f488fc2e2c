// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strings"
)

// Check is handed to the Check method of a struct of options, which says what
// no tag can: that two options do not go together, that a file is missing.
type Check struct {
	d     *decoder
	plans []fieldPlan
}

// Host returns the host whose options are checked; empty for the global ones.
func (c *Check) Host() string { return c.d.host }

// Dir returns the folder of the config file.
func (c *Check) Dir() string { return c.d.c.Dir }

// Has reports whether the option was given, under its name or an older one.
func (c *Check) Has(option string) bool {
	_, ok := c.lookup(option)
	return ok
}

func (c *Check) lookup(option string) (Value, bool) {
	i := findPlan(c.plans, option)
	if i < 0 {
		return c.d.c.Lookup(c.d.host, option)
	}
	quiet := decoder{c: c.d.c, host: c.d.host}
	return quiet.find(&c.plans[i])
}

// At names the option that is wrong; a key in it is written behind a dot
// ("limits.c2s"). An option that was not given stands where its host does.
func (c *Check) At(option string) At {
	first, rest, _ := strings.Cut(option, ".")
	v, ok := c.lookup(first)
	if !ok {
		pos := Pos{File: c.d.c.File}
		if s := c.d.c.Section(c.d.host); s != nil {
			pos = s.Pos
		}
		return At{c.d, pos, option}
	}
	for rest != "" {
		var key string
		key, rest, _ = strings.Cut(rest, ".")
		inner, ok := v.Get(key)
		if !ok {
			break
		}
		v = inner
	}
	return At{c.d, v.Pos, option}
}

// At is an option about which a Check method has something to say.
type At struct {
	d    *decoder
	pos  Pos
	path string
}

// Errorf reports an error.
func (a At) Errorf(format string, args ...any) {
	a.d.add(a.pos, Error, a.path, fmt.Sprintf(format, args...))
}

// Warnf reports a warning.
func (a At) Warnf(format string, args ...any) {
	a.d.add(a.pos, Warning, a.path, fmt.Sprintf(format, args...))
}

// reserved are the keys that Prosody's loader keeps for itself, and those that
// the sections themselves read.
var reserved = []string{"component_module", "defined", "enabled", "load_global_modules"}

// Unknown returns a warning for each option that known does not have. known is
// asked once per section: with a host for the options that it, or the server,
// reads; with the empty host for those that anything on the server reads.
// Functions are the config's own helpers and never options.
func Unknown(c *Config, known func(host string) map[string]bool) []Problem {
	var problems []Problem
	for _, s := range append([]*Section{c.Global}, c.Hosts...) {
		names := known(s.Name)
		var words []string
		for name := range names {
			words = append(words, name)
		}
		slices.Sort(words)
		for name, v := range s.Options {
			if names[name] || v.Kind() == Function || slices.Contains(reserved, name) {
				continue
			}
			text := "no module has this option"
			if s.Name != "" {
				text = "no module that is enabled on " + s.Name + " has this option"
			}
			problems = append(problems, Problem{v.Pos, Warning, name + ": " + text + didYouMean(name, words)})
		}
	}
	return Sort(problems)
}

func didYouMean(word string, known []string) string {
	if near := Suggest(word, known); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// Suggest returns the word of known that is nearest to word, by mistyped,
// missing, added and swapped letters; empty if none is near.
func Suggest(word string, known []string) string {
	best, most := "", 1+len(word)/4
	if len(word) < 3 {
		most = 1
	}
	for _, k := range known {
		if k == word {
			continue
		}
		if strings.EqualFold(k, word) {
			return k
		}
		if n := distance(word, k, most); n <= most && (best == "" || n < most) {
			best, most = k, n
		}
	}
	return best
}

// distance counts the edits between a and b (optimal string alignment); it
// gives up above most.
func distance(a, b string, most int) int {
	if d := len(a) - len(b); d > most || -d > most {
		return most + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
