// SPDX-License-Identifier: Apache-2.0

//go:build !race

package element_test

import (
	"errors"
	"testing"

	"tercet/core/element"
)

// TestAllocations: three allocations for an element of its own, and none in an arena. The race
// detector empties pools at random, so it is left out there.
func TestAllocations(t *testing.T) {
	r := element.NewReader(element.DefaultLimits)
	if _, err := read(r, clientHeader); !errors.Is(err, element.ErrMore) {
		t.Fatal(err)
	}
	got := testing.AllocsPerRun(200, func() {
		feed(r, chatXML)
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		r.Release()
	})
	if got > 3.5 { // the collector may empty a pool
		t.Errorf("%v allocations for a message, want 3", got)
	}
	var d element.Doc
	if got = testing.AllocsPerRun(200, func() {
		if _, err := d.Parse([]byte(chatXML)); err != nil {
			t.Fatal(err)
		}
	}); got > 1 { // that of the conversion
		t.Errorf("%v allocations in an arena, want 0", got-1)
	}
}
