// SPDX-License-Identifier: Apache-2.0

package element

import "sync"

// buffer is memory for bytes that were read and not consumed.
type buffer struct {
	b     []byte
	class int // index in pools, -1 if it is not pooled
}

// sizes of pooled buffers. What is larger is left to the collector.
var sizes = [...]int{4 << 10, 16 << 10, 64 << 10, 256 << 10}

var pools [len(sizes)]sync.Pool

func takeBuffer(n int) *buffer {
	for i, size := range sizes {
		if n <= size {
			if b, ok := pools[i].Get().(*buffer); ok {
				return b
			}
			return &buffer{make([]byte, size), i}
		}
	}
	return &buffer{make([]byte, n+n/2), -1}
}

func (b *buffer) free() {
	if b != nil && b.class >= 0 {
		pools[b.class].Put(b)
	}
}

// Space returns room for at least n bytes behind those that wait in r. Write
// into it and call Filled; it is valid until the next call of another method.
func (r *Reader) Space(n int) []byte {
	n = max(n, 1)
	have := r.end - r.start
	switch {
	case r.buf == nil:
		r.buf = takeBuffer(n)
	case have+n > len(r.buf.b):
		old := r.buf
		r.buf = takeBuffer(have + n)
		copy(r.buf.b, old.b[r.start:r.end])
		old.free()
		r.start, r.end = 0, have
	case r.end+n > len(r.buf.b):
		copy(r.buf.b, r.buf.b[r.start:r.end])
		r.start, r.end = 0, have
	}
	return r.buf.b[r.end:]
}

// Filled says that n bytes were written at the begin of Space.
func (r *Reader) Filled(n int) { r.end += n }

// Release gives all pooled memory back if no bytes wait in r.
func (r *Reader) Release() {
	if r.start < r.end {
		return
	}
	r.buf.free()
	r.buf = nil
	r.closeScan()
}
