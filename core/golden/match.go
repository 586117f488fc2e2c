// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"fmt"
	"maps"
	"regexp"
	"strings"

	"tercet/core/element"
)

// match compares what came with what a script wants and says what differs, or
// "". Order of attributes and of white space between elements does not count.
func (r *player) match(want, got element.Element) string {
	vars := maps.Clone(r.vars)
	why := matchElement(vars, want, got)
	if why == "" {
		r.vars = vars
	}
	return why
}

func matchElement(vars map[string]string, want, got element.Element) string {
	if want.Name() != got.Name() {
		return fmt.Sprintf("got <%s xmlns='%s'>, want <%s xmlns='%s'>", got.Local(), got.Space(), want.Local(), want.Space())
	}
	if why := matchAttrs(vars, want, got); why != "" {
		return why
	}
	if why := matchText(vars, strings.TrimSpace(want.Text()), strings.TrimSpace(got.Text())); why != "" {
		return fmt.Sprintf("text of <%s>: %s", got.Local(), why)
	}
	var left []element.Element
	for e := range got.Children() {
		left = append(left, e)
	}
	if want.First().Is("coretest", "any") {
		return matchAmong(vars, want, got.Local(), left)
	}
	n := 0
	for w := range want.Children() {
		if w.Is("coretest", "any") { // whatever else there is
			return ""
		}
		if n >= len(left) {
			return fmt.Sprintf("<%s> lacks %s", got.Local(), w)
		}
		if why := matchElement(vars, w, left[n]); why != "" {
			return why
		}
		n++
	}
	if n < len(left) {
		return fmt.Sprintf("<%s> has also %s", got.Local(), left[n])
	}
	return ""
}

// matchAmong finds each wanted child but the first among those that came.
func matchAmong(vars map[string]string, want element.Element, in string, left []element.Element) string {
	for w := range want.Children() {
		switch {
		case w.Is("coretest", "any"):
		case w.Is("coretest", "lacks"):
			for unwanted := range w.Children() {
				if i, _ := among(vars, unwanted, left); i >= 0 {
					return fmt.Sprintf("<%s> has %s", in, left[i])
				}
			}
		default:
			i, why := among(vars, w, left)
			if i < 0 {
				return fmt.Sprintf("<%s> lacks %s: %s", in, w, why)
			}
			left = append(left[:i:i], left[i+1:]...)
		}
	}
	return ""
}

// among is the index of the first element that matches, or -1 and what differs
// in the last of the same name.
func among(vars map[string]string, want element.Element, list []element.Element) (i int, why string) {
	why = "there is none"
	for i, e := range list {
		tried := maps.Clone(vars)
		differs := matchElement(tried, want, e)
		if differs == "" {
			maps.Copy(vars, tried)
			return i, ""
		}
		if e.Name() == want.Name() {
			why = differs
		}
	}
	return -1, why
}

func matchAttrs(vars map[string]string, want, got element.Element) string {
	left := maps.Collect(got.Attrs())
	for name, value := range want.Attrs() {
		have, ok := left[name]
		if !ok && value == "{maybe}" {
			continue
		}
		if !ok {
			return fmt.Sprintf("<%s> has no attribute %s", got.Local(), name.Local)
		}
		delete(left, name)
		if why := matchText(vars, value, have); why != "" {
			return fmt.Sprintf("%s of <%s>: %s", name.Local, got.Local(), why)
		}
	}
	delete(left, element.Name{Space: element.NSXML, Local: "lang"})
	for name, value := range left {
		return fmt.Sprintf("<%s> has also %s='%s'", got.Local(), name.Local, value)
	}
	return ""
}

var variable = regexp.MustCompile(`\{[a-z][a-z0-9]*\}`)

// anonymous reports whether a name in braces is that of no text in particular.
func anonymous(name string) bool { return name == "any" || name == "maybe" }

// matchText compares texts in which {any} and {name} stand for something.
func matchText(vars map[string]string, want, got string) string {
	var pattern strings.Builder
	var names []string
	last := 0
	for _, at := range variable.FindAllStringIndex(want, -1) {
		pattern.WriteString(regexp.QuoteMeta(want[last:at[0]]))
		name := want[at[0]+1 : at[1]-1]
		last = at[1]
		if value, known := vars[name]; known && !anonymous(name) {
			pattern.WriteString(regexp.QuoteMeta(value))
			continue
		}
		pattern.WriteString("(?s)(.+?)")
		names = append(names, name)
	}
	pattern.WriteString(regexp.QuoteMeta(want[last:]))
	m := regexp.MustCompile("^" + pattern.String() + "$").FindStringSubmatch(got)
	if m == nil {
		return fmt.Sprintf("got %q, want %q", got, want)
	}
	for i, name := range names {
		if !anonymous(name) {
			vars[name] = m[i+1]
		}
	}
	return ""
}
