// SPDX-License-Identifier: Apache-2.0

package slot_test

import (
	"testing"

	"tercet/core/slot"
)

type holder struct{ slot.Set }

var (
	number = slot.New[int]("number")
	word   = slot.New[string]("word")
)

func TestSlotsAreSeparate(t *testing.T) {
	var a, b holder
	if number.Peek(&a) != nil {
		t.Error("an untouched slot has a value")
	}
	*number.Of(&a) = 3
	*word.Of(&a) = "three"
	if got := *number.Of(&a); got != 3 {
		t.Errorf("number = %d, want 3", got)
	}
	if got := *number.Of(&b); got != 0 {
		t.Errorf("number of another holder = %d, want 0", got)
	}
	number.Clear(&a)
	if got := *number.Of(&a); got != 0 {
		t.Errorf("number after Clear = %d, want 0", got)
	}
	if got := *word.Of(&a); got != "three" {
		t.Errorf("word = %q, want three", got)
	}
}

func TestClearKeepsTheOthers(t *testing.T) {
	var h holder
	first, last := slot.New[int]("first"), slot.New[string]("last")
	*first.Of(&h), *number.Of(&h), *last.Of(&h) = 1, 2, "3"
	kept := last.Of(&h)
	number.Clear(&h)
	number.Clear(&h) // nothing is there
	if *first.Of(&h) != 1 || last.Of(&h) != kept || number.Peek(&h) != nil {
		t.Errorf("got %d, %q, %v", *first.Of(&h), *last.Of(&h), number.Peek(&h))
	}
	last.Clear(&h)
	first.Clear(&h)
	if *last.Of(&h) != "" {
		t.Error("an old value has come back")
	}
}

func BenchmarkPeek(b *testing.B) {
	var h holder
	for range 6 {
		slot.New[int]("another").Of(&h)
	}
	number.Of(&h)
	for b.Loop() {
		if number.Peek(&h) == nil {
			b.Fatal("lost")
		}
	}
}
