// SPDX-License-Identifier: Apache-2.0

// Package guest is how modules that are not compiled in (Lua, WASM, processes)
// reach the extension points: by name. A point opens a door to them with Expose,
// beside its declaration; what is not exposed does not exist for guests.
package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"tercet/core/ext"
	"tercet/core/iq"
	"tercet/core/route"
)

// An Event is what the handler of a guest is called with: a stanza, or a value
// that crosses as JSON.
type Event struct {
	Route   *route.Event                // nil unless it is about a stanza
	Request *iq.Request                 // of a request that is answered; nil otherwise
	Value   any                         // crosses as JSON; nil if the stanza is all
	Change  func(json.RawMessage) error // takes over what the guest made of Value; nil: it is only read
}

// A Handler is a guest's.
type Handler = func(context.Context, *Event) ext.Verdict

// A Door is an extension point as guests know it.
type Door struct {
	Name    string
	Kind    string // hook, chain or list
	Payload string // what crosses
	Doc     string // when it is used, and what holds then

	// Hook attaches a handler; rest is what the guest's name has behind Name.
	// Nil: no handlers here.
	Hook func(o ext.Owner, rest string, prio float64, f Filter, fn Handler) error
	// Add adds a value. Nil: no values here.
	Add func(o ext.Owner, v json.RawMessage) error
}

// ErrUnknown says that no door has the name, or none of that kind.
var ErrUnknown = errors.New("guest: no such extension point")

// doors grows by package-level var declarations only.
var doors struct {
	sync.RWMutex
	all []Door
}

// Expose opens a point to guests through a codec, such as Stanza, JSON or
// Strings. Doc is one sentence for sdk/api.txt. Call it from a package-level
// var only.
func Expose[P interface{ Name() string }](p P, codec func(P) Door, doc string) struct{} {
	d := codec(p)
	d.Name, d.Doc = p.Name(), doc
	open(d)
	return struct{}{}
}

func open(d Door) {
	doors.Lock()
	defer doors.Unlock()
	if slices.ContainsFunc(doors.all, func(o Door) bool { return o.Name == d.Name }) {
		panic("guest: exposed twice: " + d.Name) //nolint:forbidigo // a fault of the program, seen at its first start
	}
	doors.all = append(doors.all, d)
}

// Doors are all of them, by name.
func Doors() []Door {
	doors.RLock()
	defer doors.RUnlock()
	return slices.SortedFunc(slices.Values(doors.all), func(a, b Door) int { return strings.Compare(a.Name, b.Name) })
}

// find returns the door of a name. One whose own name ends with a slash stands
// for all that begin with it.
func find(name string) (d Door, rest string, err error) {
	doors.RLock()
	defer doors.RUnlock()
	for _, d := range doors.all {
		if rest, ok := strings.CutPrefix(name, d.Name); ok && (rest == "" || strings.HasSuffix(d.Name, "/")) {
			return d, rest, nil
		}
	}
	return Door{}, "", fmt.Errorf("%w: %q", ErrUnknown, name)
}

// Hook attaches a guest's handler to the hook or request of that name for the
// life of o. Events that the filter (see ParseFilter) leaves out never reach it.
func Hook(o ext.Owner, name string, prio float64, filter string, fn Handler) error {
	d, rest, err := find(name)
	if err != nil {
		return err
	}
	f, err := ParseFilter(filter)
	switch {
	case err != nil:
		return err
	case d.Hook == nil:
		return fmt.Errorf("%w: %q takes values, not handlers", ErrUnknown, name)
	case f.on && !strings.Contains(d.Payload, "stanza"):
		return fmt.Errorf("guest: %q is not about stanzas: it has no filter", name)
	}
	return d.Hook(o, rest, prio, f, fn)
}

// Add adds a value, in JSON, to the list of that name for the life of o.
func Add(o ext.Owner, name string, v json.RawMessage) error {
	d, _, err := find(name)
	switch {
	case err != nil:
		return err
	case d.Add == nil:
		return fmt.Errorf("%w: %q takes handlers, not values", ErrUnknown, name)
	}
	if err := d.Add(o, v); err != nil {
		return fmt.Errorf("guest: add to %q: %w", name, err)
	}
	return nil
}
