// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"sync"
	"sync/atomic"
)

const (
	readSize = 19072   // 16 KiB of plaintext as one record of any TLS version, rounded up to a size class
	outSize  = 4 << 10 // of a fresh outbox
	keepSize = 64 << 10
)

// readBuffer is the memory of one read(2).
type readBuffer [readSize]byte

// buffer is bytes that wait to be sent; what lies before off is done.
type buffer struct {
	b   []byte
	off int
}

func (b *buffer) rest() []byte {
	if b == nil {
		return nil
	}
	return b.b[b.off:]
}

// pool is a sync.Pool that can be asked in tests how many are out.
type pool[T any] struct {
	p   sync.Pool
	out *atomic.Int64 // nil outside of tests
}

func (p *pool[T]) get() *T {
	if p.out != nil {
		p.out.Add(1)
	}
	if v, ok := p.p.Get().(*T); ok {
		return v
	}
	return new(T)
}

func (p *pool[T]) put(v *T) {
	if p.out != nil {
		p.out.Add(-1)
	}
	p.p.Put(v)
}

var (
	readBuffers pool[readBuffer]
	outBuffers  pool[buffer]
)

func newBuffer() *buffer {
	b := outBuffers.get()
	if b.b == nil {
		b.b = make([]byte, 0, outSize)
	}
	return b
}

// drop gives b back, without its memory if that has grown large.
func (b *buffer) drop() {
	if b == nil {
		return
	}
	b.b, b.off = b.b[:0], 0
	if cap(b.b) > keepSize {
		b.b = nil
	}
	outBuffers.put(b)
}
