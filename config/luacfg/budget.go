// SPDX-License-Identifier: Apache-2.0

package luacfg

import (
	"errors"
	"runtime"
	"runtime/metrics"
	"strconv"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// What things are charged with, in bytes: about what gopher-lua allocates for
// them at worst.
const (
	costInstruction = 64
	costTable       = 400
	costEntry       = 100
	costFirstKey    = 3000 // a map made for 32 keys
	costFirstItem   = 600
	costThread      = 512 << 10
	costSource      = 48 // per byte: syntax tree and code
	costValue       = 128
)

// budget bounds the time and the memory of one run. gopher-lua asks the context
// of a state before each instruction whether it is done; being that context, a
// budget counts the instructions, and sees to it that no program, not even one
// that catches errors, goes on beyond its limits. The functions of ours that
// allocate or loop ask it themselves.
//
// Memory is charged as it is allocated. Once the charges could reach the limit
// the garbage collector tells how much of it is still alive, so a program may
// produce more garbage than the limit. What the rest of the process allocates
// meanwhile is only noticed by a program that gets that far.
type budget struct {
	start    time.Time
	time     time.Duration
	memory   int64
	charged  int64
	next     int64 // charges at which to measure
	base     int64 // live heap at the first measure
	measured bool
	ticks    int
	err      error
	done     chan struct{}
}

func newBudget(limit time.Duration, memory int64) *budget {
	b := &budget{start: time.Now(), time: limit, memory: memory, next: memory / 4, done: make(chan struct{})}
	close(b.done)
	return b
}

// Done implements [context.Context] for gopher-lua: it returns a closed channel
// once the budget is used up, and one that blocks for ever until then.
func (b *budget) Done() <-chan struct{} {
	b.charge(costInstruction)
	if b.ticks++; b.ticks&0xff == 0 {
		b.clock()
	}
	if b.err != nil {
		return b.done
	}
	return nil
}

// Err implements [context.Context].
func (b *budget) Err() error { return b.err }

// Deadline implements [context.Context].
func (b *budget) Deadline() (time.Time, bool) { return time.Time{}, false }

// Value implements [context.Context].
func (b *budget) Value(any) any { return nil }

// AfterFunc keeps the contexts that gopher-lua derives for coroutines, which
// are replaced by b at once, from starting a goroutine each.
func (b *budget) AfterFunc(func()) func() bool { return func() bool { return true } }

func (b *budget) clock() {
	if b.err == nil && time.Since(b.start) > b.time {
		b.err = errors.New("the config ran for more than " + b.time.String())
	}
}

func (b *budget) charge(n int64) {
	if n > b.memory {
		b.exhausted()
	}
	if b.charged += n; b.charged >= b.next && b.err == nil {
		b.measure(n)
	}
}

func (b *budget) exhausted() {
	if b.err == nil {
		b.err = errors.New("the config needs more than " + strconv.FormatInt(b.memory>>20, 10) + " MiB of memory")
	}
}

// measure lets the garbage collector tell what is alive beside the n bytes that
// are about to be allocated. A quarter of the limit may have been in use before
// the first measure.
func (b *budget) measure(n int64) {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	live := int64(sample[0].Value.Uint64()) //nolint:gosec // no heap has 2^63 bytes
	if !b.measured {
		b.measured, b.base = true, live
	}
	left := b.memory - b.memory/4 - (live - b.base) - n
	if left <= 0 {
		b.exhausted()
	}
	b.next = b.charged + max(left, b.memory/16)
	b.clock()
}

// Alloc charges n bytes that the caller is about to allocate, and raises an
// error if they are not there.
func (b *budget) Alloc(l *lua.LState, n int) {
	b.charge(int64(n))
	if b.err != nil {
		l.RaiseError("%s", b.err.Error())
	}
}

// Step counts n steps of a loop in Go, and raises an error if the time is up.
func (b *budget) Step(l *lua.LState, n int) {
	if b.ticks += n; b.ticks > 1<<12 {
		b.ticks = 0
		b.clock()
	}
	if b.err != nil {
		l.RaiseError("%s", b.err.Error())
	}
}
