// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"fmt"
	"io"
	"strings"
)

// An Inspection is what the file of a guest tells of it before any server
// loads it.
type Inspection struct {
	File     string   `json:"file"`
	Kind     string   `json:"kind"`     // the runtime's config word: wasm or lua
	Problems []Fault  `json:"problems"` // with any of them it does not load
	Notes    []Fault  `json:"notes"`    // what its author should know
	Facts    []Fact   `json:"facts"`
	Asks     []Ask    `json:"asks"`   // what it attaches when it loads
	Allow    []string `json:"allow"`  // the grants that it needs
	Config   string   `json:"config"` // the lines to copy into the config
}

// A Fault is at a line of the file; 0: it is about the whole.
type Fault struct {
	Line int    `json:"line,omitempty"`
	Text string `json:"text"`
}

// A Fact is one thing that there are some of.
type Fact struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// An Ask is one thing that a guest attaches.
type Ask struct {
	Line     int     `json:"line,omitempty"`
	Verb     string  `json:"verb"` // hook, add or every
	Name     string  `json:"name,omitempty"`
	Priority float64 `json:"priority,omitempty"`
	Detail   string  `json:"detail,omitempty"` // the filter of a hook, the value of an add, the period of an every
}

// Inspect begins the inspection of a file.
func Inspect(file, kind string) *Inspection {
	return &Inspection{File: file, Kind: kind, Problems: []Fault{}, Notes: []Fault{}, Facts: []Fact{}, Asks: []Ask{}, Allow: []string{}}
}

// Wrong adds a problem.
func (in *Inspection) Wrong(line int, format string, args ...any) {
	in.Problems = append(in.Problems, Fault{line, fmt.Sprintf(format, args...)})
}

// Note adds what its author should know.
func (in *Inspection) Note(line int, format string, args ...any) {
	in.Notes = append(in.Notes, Fault{line, fmt.Sprintf(format, args...)})
}

// Add adds a fact, unless there is nothing to tell.
func (in *Inspection) Add(name string, values ...string) {
	if len(values) > 0 {
		in.Facts = append(in.Facts, Fact{name, values})
	}
}

// Failed reports whether the guest does not load as it is.
func (in *Inspection) Failed() bool { return len(in.Problems) > 0 }

// width is that of the left column.
const width = 10

// Print tells people what was found.
func (in *Inspection) Print(w io.Writer) {
	row := func(name, text string) { fmt.Fprintf(w, "%-*s %s\n", width, name, text) }
	for _, f := range in.Facts {
		row(f.Name, strings.Join(f.Values, ", "))
	}
	for i, a := range in.Asks {
		name := "attaches"
		if i > 0 {
			name = ""
		}
		row(name, a.String())
	}
	if in.Config != "" && !in.Failed() {
		fmt.Fprintf(w, "\nTo use it, write into the config:\n\n%s", in.Config)
	}
	for _, list := range []struct {
		word   string
		faults []Fault
	}{{"note", in.Notes}, {"error", in.Problems}} {
		for _, f := range list.faults {
			place := in.File
			if f.Line > 0 {
				place = fmt.Sprintf("%s:%d", in.File, f.Line)
			}
			fmt.Fprintf(w, "%s: %s: %s\n", place, list.word, f.Text)
		}
	}
}

// String is the ask in words.
func (a Ask) String() string {
	text := strings.TrimSpace(a.Verb + " " + a.Name)
	if a.Priority != 0 {
		text += fmt.Sprintf(", priority %g", a.Priority)
	}
	if a.Detail != "" {
		text += ", " + a.Detail
	}
	return text
}
