// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"math"
	"strings"
	"time"
)

// Ids of archive entries, for drivers. An id is a positive 63-bit number: the
// microsecond since 1970 at which it was drawn, made to grow strictly, times
// 2048, plus the generation of the store, which changes with each opening of it.
// So an id that was drawn but never committed before a crash does not come
// back, even if the clock was set back meanwhile. As a string it has 13 digits
// of base 32, 0-9 and a-v, and the order of strings is the order of numbers.
const (
	// Generations is how many generations there are.
	Generations = 1 << generationBits

	generationBits = 11
	idDigits       = 13
	digits         = "0123456789abcdefghijklmnopqrstuv"
	maxMicros      = math.MaxInt64 >> generationBits
)

// Sequence draws ids. It is not safe for concurrent use.
type Sequence struct {
	last       int64 // microseconds
	generation int64
}

// NewSequence returns a sequence whose ids are greater than each id up to last.
func NewSequence(last, generation int64) *Sequence {
	return &Sequence{last: max(last, 0) >> generationBits, generation: generation & (Generations - 1)}
}

// Next draws an id.
func (s *Sequence) Next(now time.Time) int64 {
	s.last = max(min(now.UnixMicro(), maxMicros-math.MaxUint32), s.last+1)
	return s.last<<generationBits | s.generation
}

// Micros is the time in microseconds since 1970, which is how archives keep it:
// what is finer is cut off, and years before 0 or after 9999 are taken as those.
func Micros(t time.Time) int64 {
	const first, last = -62_167_219_200e6, 253_402_300_799e6
	switch y := t.Year(); {
	case y < 0:
		return first
	case y > 9999:
		return last
	}
	return t.UnixMicro()
}

// IDMicros returns the microsecond since 1970 at which the id was drawn.
func IDMicros(id int64) int64 { return id >> generationBits }

// FirstID returns the smallest id of that microsecond since 1970.
func FirstID(micros int64) int64 { return min(max(micros, 0), maxMicros) << generationBits }

// FormatID returns the string form of an id.
func FormatID(id int64) string {
	var b [idDigits]byte
	for i := idDigits - 1; i >= 0; i, id = i-1, id>>5 {
		b[i] = digits[id&31]
	}
	return string(b[:])
}

// ParseID reads what FormatID wrote.
func ParseID(s string) (id int64, ok bool) {
	id, exact := FloorID(s)
	return id, exact
}

// Behind returns a position behind an entry and before all later ones: as
// Query.Before it includes the entry.
func Behind(id string) string { return id + "0" }

// Ahead returns a position ahead of an entry, whose id is one that FormatID has
// written, and behind all earlier ones: as Query.After it includes the entry.
func Ahead(id string) string {
	n, _ := FloorID(id)
	return FormatID(max(n-1, 0))
}

// FloorID returns the greatest id whose string form is not greater than s, and
// whether it is equal; -1 if there is none. It makes a position of any string.
func FloorID(s string) (id int64, exact bool) {
	for i := range idDigits {
		rest := 5 * (idDigits - 1 - i) // bits behind this digit
		if i == len(s) {
			return id - 1, false // s is less than each id that begins with it
		}
		d := strings.IndexByte(digits, s[i])
		known := d >= 0
		for c := s[i]; d < 0 && c > '0'; { // the next digit below
			c--
			d = strings.IndexByte(digits, c)
		}
		switch {
		case d < 0:
			return id - 1, false
		case i == 0 && d > 7: // beyond 63 bits
			return math.MaxInt64, false
		case !known:
			return id + (int64(d)+1)<<rest - 1, false // as if followed by v only
		}
		id |= int64(d) << rest
	}
	return id, len(s) == idDigits
}
