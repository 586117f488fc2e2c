// SPDX-License-Identifier: Apache-2.0

package storage_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"tercet/core/storage"
)

func TestIDOrder(t *testing.T) {
	ids := []int64{0, 1, 31, 32, 1 << 40, math.MaxInt64 - 1, math.MaxInt64}
	for range 1000 {
		ids = append(ids, rand.Int64()>>rand.IntN(63))
	}
	for _, a := range ids {
		s := storage.FormatID(a)
		if got, ok := storage.ParseID(s); !ok || got != a || len(s) != 13 {
			t.Fatalf("ParseID(FormatID(%d) = %q) = %d, %v", a, s, got, ok)
		}
		for _, b := range ids {
			if (a < b) != (s < storage.FormatID(b)) {
				t.Fatalf("%d and %d: order of numbers and of %q and %q differs", a, b, s, storage.FormatID(b))
			}
		}
	}
}

func TestFloorID(t *testing.T) {
	const maxID = "7vvvvvvvvvvvv"
	tests := []struct {
		name, s, want string // want "" for -1
		exact         bool
	}{
		{"itself", "0000000000abc", "0000000000abc", true},
		{"empty", "", "", false},
		{"lowest", "0000000000000", "0000000000000", true},
		{"before the lowest", "000000000000", "", false},
		{"highest", maxID, maxID, true},
		{"beyond", "8000000000000", maxID, false},
		{"far beyond", "zzz", maxID, false},
		{"longer", "0000000000abcd", "0000000000abc", false},
		{"prefix", "0001", "0000vvvvvvvvv", false},
		{"upper case sorts between 9 and a", "000A", "0009vvvvvvvvv", false},
		{"upper case as last", "000000000000A", "0000000000009", false},
		{"below the digits", "0001!", "0000vvvvvvvvv", false},
		{"above the digits", "000z", "000vvvvvvvvvv", false},
		{"carry", "0001vz", "0001vvvvvvvvv", false},
		{"high byte", "000\xff", "000vvvvvvvvvv", false},
		{"NUL", "\x00", "", false},
		{"a UUID", "6e3a7f1c-9a0c-4a55", "6e3a7f1bvvvvv", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, exact := storage.FloorID(tt.s)
			want := int64(-1)
			if tt.want != "" {
				var ok bool
				if want, ok = storage.ParseID(tt.want); !ok {
					t.Fatalf("%q is no id", tt.want)
				}
			}
			if got != want || exact != tt.exact {
				t.Errorf("FloorID(%q) = %d, %v, want %d, %v", tt.s, got, exact, want, tt.exact)
			}
		})
	}
}

// FuzzFloorID holds what FloorID says against the order of strings.
func FuzzFloorID(f *testing.F) {
	for _, s := range []string{"", "0", "0000000000abc", "7vvvvvvvvvvvv", "8", "000A", "\xff", "1vvvvvvvvvvvv/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		floor, exact := storage.FloorID(s)
		if floor >= 0 && storage.FormatID(floor) > s {
			t.Errorf("FloorID(%q) = %d, which is %q and greater", s, floor, storage.FormatID(floor))
		}
		if floor < math.MaxInt64 && storage.FormatID(floor+1) <= s {
			t.Errorf("FloorID(%q) = %d, but %q is not greater either", s, floor, storage.FormatID(floor+1))
		}
		if exact != (floor >= 0 && storage.FormatID(floor) == s) {
			t.Errorf("FloorID(%q) = %d, exact %v", s, floor, exact)
		}
	})
}

func TestSequence(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	s := storage.NewSequence(0, 5)
	last := int64(0)
	next := func(now time.Time, want int64) {
		t.Helper()
		id := s.Next(now)
		if id <= last {
			t.Fatalf("id %d after %d", id, last)
		}
		if got := storage.IDMicros(id); got != want {
			t.Fatalf("id of microsecond %d, want %d", got, want)
		}
		last = id
	}
	next(start, start.UnixMicro())
	next(start, start.UnixMicro()+1)
	next(start.Add(-time.Hour), start.UnixMicro()+2) // set back
	next(start.Add(time.Second), start.UnixMicro()+1e6)

	s = storage.NewSequence(last, 6) // restart, with the clock set back
	next(start.Add(-time.Hour), start.UnixMicro()+1e6+1)

	s = storage.NewSequence(0, 0)
	a := s.Next(time.Date(300000, 1, 1, 0, 0, 0, 0, time.UTC)) // a broken clock
	if b := s.Next(time.Unix(0, 0)); a <= 0 || b <= a {
		t.Errorf("ids %d, %d in the year 300000", a, b)
	}
	if id := storage.NewSequence(0, 0).Next(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)); id <= 0 {
		t.Errorf("id %d before 1970", id)
	}
}

// TestGenerations: what was drawn before a crash and not committed is not drawn
// again by the next opening, whatever the clock says.
func TestGenerations(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	seen := map[int64]bool{}
	for generation := range int64(storage.Generations) {
		s := storage.NewSequence(0, generation)
		for range 3 {
			id := s.Next(now)
			if seen[id] {
				t.Fatalf("generation %d draws %d again", generation, id)
			}
			seen[id] = true
		}
	}
}
