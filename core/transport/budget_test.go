// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"errors"
	"testing"
)

// TestBudget: many that do not read share what there is, each keeps a little,
// and all of it is given back.
func TestBudget(t *testing.T) {
	const limit, conns = 4 << 20, 8
	b := NewBudget(limit)
	piece := make([]byte, 16<<10)
	fill := func() *Conn {
		ours, _ := connPair(t, "tcp")
		c := New(ours, Options{Budget: b, Limit: 3 << 20, OnStuck: func(Reason) {}})
		for {
			if _, err := c.Append(piece); errors.Is(err, ErrFull) {
				return c
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
	first := fill()
	if n := first.Queued(); n < 1<<20 || n > 3<<20 {
		t.Errorf("one alone may hold %d bytes", n)
	}
	all := []*Conn{first}
	for range conns - 1 {
		c := fill()
		if n := c.Queued(); n < budgetFree-len(piece) {
			t.Errorf("one of many may hold %d bytes", n)
		}
		all = append(all, c)
	}
	if n := b.Used(); n > limit+budgetFree { // the first bytes that count come with those that did not
		t.Errorf("%d bytes are in use, of %d", n, limit)
	}
	b.Resize(limit / 2) // what is there stays, and nothing comes to it
	if n := b.Used(); n < limit/2 {
		t.Errorf("%d bytes are left of %d", n, limit)
	}
	late := fill()
	if n := late.Queued(); n > budgetFree {
		t.Errorf("beyond the new limit one may hold %d bytes", n)
	}
	b.Resize(2 * limit)
	more := fill()
	if n := more.Queued(); n < 1<<20 {
		t.Errorf("below the new limit one may hold %d bytes", n)
	}
	all = append(all, late, more)
	for _, c := range all {
		c.End(nil)
		_ = c.Close() // nobody reads it
	}
	if n := b.Used(); n != 0 {
		t.Errorf("%d bytes were not given back", n)
	}
}
