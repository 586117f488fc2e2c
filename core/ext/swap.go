// SPDX-License-Identifier: Apache-2.0

package ext

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A Change takes Old out of its table and puts New in its place. Without Old it
// is a load, without New an unload.
type Change struct{ Old, New *Scope }

// Swap makes all the changes to t at one instant: no pass meets some of them
// only, or both scopes of a change, or neither. On an error nothing has
// happened and no goroutine has run: each New is still in its staging phase,
// each Old is live. Two owners of one key, or of one service, are an error.
//
// A replaced scope refuses to attach any more; its goroutines and timers go on
// until it is closed. Swap never waits for a pass: it is legal within one.
func Swap(t *Table, changes []Change) error {
	for _, c := range changes {
		for _, s := range []*Scope{c.Old, c.New} {
			if s != nil && s.table != t {
				return fmt.Errorf("swap %s: it is a scope of another table", s.name)
			}
		}
	}
	return SwapAll(changes)
}

// SwapAll is Swap over several tables, for a module that stands on more than
// one host: each table changes at one instant, and either all of them or none.
func SwapAll(changes []Change) error {
	if err := swap(changes); err != nil {
		return err
	}
	for _, c := range changes {
		if c.New != nil {
			c.New.begin()
		}
	}
	return nil
}

// A plan is the next snapshot of one table.
type plan struct {
	table     *Table
	drop, add []*Scope
	next      *snapshot
}

func swap(changes []Change) error {
	plans, err := planned(changes)
	if err != nil {
		return err
	}
	for _, p := range plans {
		p.table.mu.Lock()
		defer p.table.mu.Unlock()
	}
	var errs []error
	for _, c := range changes {
		errs = append(errs, c.check())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, p := range plans {
		var add []entry
		for _, s := range p.add {
			add = append(add, s.entries...)
		}
		p.next, err = p.table.edited(p.drop, add)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("swap: %w", err)
	}
	for _, p := range plans {
		p.table.install(p.next)
		for _, s := range p.drop {
			s.enter(gone)
			s.dropped = p.next.seq
		}
		for _, s := range p.add {
			s.enter(live)
			s.born = p.next.seq
		}
	}
	return nil
}

// planned sorts the changes by table, in the order of the tables' locks.
func planned(changes []Change) ([]*plan, error) {
	var plans []*plan
	seen := make(map[*Scope]bool)
	for _, c := range changes {
		for _, s := range []*Scope{c.Old, c.New} {
			switch {
			case s == nil:
				continue
			case seen[s]:
				return nil, fmt.Errorf("swap %s: it is in two changes", s.name)
			case c.Old != nil && c.Old.table != s.table:
				return nil, fmt.Errorf("swap %s: it replaces a scope of another table", s.name)
			}
			seen[s] = true
			i := slices.IndexFunc(plans, func(p *plan) bool { return p.table == s.table })
			if i < 0 {
				i, plans = len(plans), append(plans, &plan{table: s.table})
			}
			if s == c.Old {
				plans[i].drop = append(plans[i].drop, s)
			} else {
				plans[i].add = append(plans[i].add, s)
			}
		}
	}
	slices.SortFunc(plans, func(a, b *plan) int { return cmp.Compare(a.table.id, b.table.id) })
	return plans, nil
}

// check says whether the change may be made, and gives New its rank. The tables
// are locked.
func (c Change) check() error {
	if c.Old != nil && c.Old.phase != live {
		return fmt.Errorf("swap %s: to be replaced it would have to be live: %w", c.Old.name, c.Old.phase.err())
	}
	switch s := c.New; {
	case s == nil:
		return nil
	case s.phase != staged:
		return fmt.Errorf("swap %s: to be loaded it would have to be staged: %w", s.name, s.phase.err())
	case s.fault != nil:
		return fmt.Errorf("swap: %w", s.fault)
	case c.Old != nil:
		s.rank = c.Old.rank
	default:
		s.table.ranks++
		s.rank = s.table.ranks
	}
	return nil
}

// edited returns the snapshot that would follow. t.mu is held.
func (t *Table) edited(drop []*Scope, add []entry) (*snapshot, error) {
	last := t.now.Load()
	next := t.newSnapshot(last.seq+1, pointCount())
	copy(next.entries, last.entries)
	copy(next.plain.slots, last.plain.slots)
	copy(next.timed.slots, last.timed.slots)

	touched := make(map[int][]entry)
	for _, s := range drop {
		for _, e := range s.entries {
			touched[e.point] = nil
		}
	}
	for _, e := range add {
		touched[e.point] = append(touched[e.point], e)
	}
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(touched)) {
		list := slices.DeleteFunc(slices.Concat(next.entries[id], touched[id]), func(e entry) bool {
			return slices.Contains(drop, e.owner)
		})
		slices.SortFunc(list, inOrder)
		next.entries[id], next.plain.slots[id], next.timed.slots[id] = nil, nil, nil
		if len(list) == 0 {
			continue
		}
		var err error
		at := pointOf(id)
		next.entries[id] = list
		if next.plain.slots[id], err = at.build(at.name, list); err == nil {
			next.meter(id, list)
		}
		errs = append(errs, err)
	}
	return next, errors.Join(errs...)
}

// install puts next in the place of the snapshot that it was made from. t.mu is
// held.
func (t *Table) install(next *snapshot) {
	last := t.now.Swap(next)
	last.retire()
	t.old = slices.DeleteFunc(append(t.old, last), func(s *snapshot) bool { return s.empty.Load() })
}
