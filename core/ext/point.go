// SPDX-License-Identifier: Apache-2.0

package ext

import (
	"cmp"
	"slices"
	"sync"
)

// A point is one extension point of the process, as its writers see it.
type point struct {
	name string
	// build makes what readers see from all that is attached, in order of
	// running. It is handed a list that is not empty.
	build func(name string, entries []entry) (slot any, err error)
	// timed returns an entry's handler so that it feeds its owner's meter, as
	// so many events; nil where there are no handlers.
	timed func(e entry, weight int64) any
}

// points numbers the extension points. It grows by package-level var
// declarations only. Number 0 stays free: a zero Hook is no hook.
var points struct {
	sync.RWMutex
	all []point
}

func newPoint(name string, build func(string, []entry) (any, error), timed func(entry, int64) any) int {
	points.Lock()
	defer points.Unlock()
	if len(points.all) == 0 {
		points.all = make([]point, 1, 256)
	}
	if name == "" || slices.ContainsFunc(points.all, func(p point) bool { return p.name == name }) {
		panic("ext: extension point without a name of its own: " + name) //nolint:forbidigo // a fault of the program, seen at its first start
	}
	points.all = append(points.all, point{name, build, timed})
	return len(points.all) - 1
}

// pointOf returns the point with that number; the zero point if there is none.
func pointOf(id int) point {
	points.RLock()
	defer points.RUnlock()
	if id <= 0 || id >= len(points.all) {
		return point{}
	}
	return points.all[id]
}

func pointCount() int {
	points.RLock()
	defer points.RUnlock()
	return max(1, len(points.all))
}

// An entry is one thing that a scope has attached, as the writers keep it.
type entry struct {
	point int
	owner *Scope
	nth   int // among its owner's
	prio  float64
	key   any // of a Chain or a Map
	value any
}

// inOrder puts the higher priority first; equals stand in order of loading,
// where a scope that replaced another has that one's place.
func inOrder(a, b entry) int {
	return cmp.Or(cmp.Compare(b.prio, a.prio), cmp.Compare(a.owner.rank, b.owner.rank), cmp.Compare(a.nth, b.nth))
}
