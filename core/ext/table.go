// SPDX-License-Identifier: Apache-2.0

// Package ext is the extension table: the kinds of extension point (Hook,
// Chain, List, Map, Service), the Table in which a host keeps what modules have
// attached to them, and the Scope that attaches a module and detaches it again,
// each as one step.
package ext

// A Table is what is attached to one host, or to the server.
type Table struct{}

// A Pass is one reader's stay in a table.
type Pass struct{}

// An Attachment is one thing that is attached to a table.
type Attachment struct {
	Point string  // the extension point's name
	Key   string  // of a Chain or a Map
	Owner string  // the scope's name
	Prio  float64 // of a Hook or a Chain
}

// NewTable returns an empty table.
func NewTable() *Table { panic("soon") }

// Enter begins a pass.
func (t *Table) Enter() Pass { panic("soon") }

// Leave ends the pass.
func (p Pass) Leave() { panic("soon") }

// Describe lists what is attached.
func (t *Table) Describe() []Attachment { panic("soon") }

// A Change replaces Old by New.
type Change struct{ Old, New *Scope }

// Swap makes all the changes at one instant, or none.
func Swap(t *Table, changes []Change) error { panic("soon") }

func (p Pass) slot(id int) any { panic("soon") }
