// SPDX-License-Identifier: Apache-2.0

// Package ext is the extension table: the kinds of extension point (Hook,
// Chain, List, Map, Service), the Table in which a host keeps what modules have
// attached to them, and the Scope that attaches a module and detaches it again,
// each as one step.
//
// Readers meet one immutable snapshot of a table from Enter to Leave. Writers
// replace the snapshot, and wait for those readers of an old one that might
// still be in a module that has left.
package ext

import (
	"cmp"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"
)

// A Table is what is attached to one host, or to the server.
type Table struct {
	now atomic.Pointer[snapshot]
	id  uint64 // orders the locks of several tables

	// mu is held by writers. It guards what follows, and the attachments and
	// the state of all scopes of this table.
	mu      sync.Mutex
	old     []*snapshot // replaced, and perhaps still read
	ranks   uint64      // the last rank given to a scope
	watched bool        // each pass is timed
}

var lastTable atomic.Uint64

// A snapshot is what is attached at one time. It never changes, but for the
// count of its readers.
type snapshot struct {
	plain  view
	timed  view   // of the same, for the passes that are timed
	share  uint32 // of the passes are timed, in 1/(1<<32)
	weight int64  // what one of them counts for

	entries [][]entry // by point; the same for writers, in order of running
	seq     uint64    // grows with each snapshot of the table
	shards  []shard   // a power of two

	retired atomic.Bool   // another is in its place: no pass begins here any more
	empty   atomic.Bool   // and the last has left
	drained chan struct{} // closed at that moment
}

// A view is what a reader finds in a snapshot: by point, nil where nothing is
// attached.
type view struct {
	slots []any
	snap  *snapshot
}

// A snapshot has 1<<shardBits shards: eight for each core, so that two streams
// at work seldom share one, and at most 64.
var shardBits = uint(min(6, 3+bits.Len(uint(runtime.NumCPU()-1))))

// A shard counts the readers of some streams, on cache lines of its own: in the
// lower half those that have not left, in the upper half all of them.
type shard struct {
	readers atomic.Int64
	_       [120]byte
}

const entered = 1<<32 | 1 // one reader more

func (s *shard) open() int32 { return int32(s.readers.Load()) } //nolint:gosec // the lower half

// NewTable returns an empty table.
func NewTable() *Table {
	t := &Table{id: lastTable.Add(1)}
	t.now.Store(t.newSnapshot(0, 0))
	return t
}

func (t *Table) newSnapshot(seq uint64, points int) *snapshot {
	s := &snapshot{entries: make([][]entry, points), seq: seq, shards: make([]shard, 1<<shardBits), drained: make(chan struct{})}
	s.plain, s.timed = view{make([]any, points), s}, view{make([]any, points), s}
	if s.share, s.weight = 1<<(32-sampleBits)-1, 1<<sampleBits; t.watched {
		s.share, s.weight = 1<<32-1, 1
	}
	for i := range s.shards { // else the first passes of each would never be among the samples
		s.shards[i].readers.Store(int64(rand.Uint32()) << 32) //nolint:gosec // it guards nothing
	}
	return s
}

// A Pass is one reader's stay in a table: it meets the same modules from Enter
// to Leave, whatever is loaded or unloaded meanwhile. A pass is short: it never
// spans a wait for the network, a client, a timer or a slow database, because
// the scopes that it may meet cannot close before it ends. Swap is legal in a
// pass, Close is not. The zero Pass meets nothing.
type Pass struct {
	view  *view
	shard *shard
}

// Enter begins a pass. Leave is deferred, so that a panic cannot keep the pass
// open for ever.
func (t *Table) Enter() Pass {
	here := shardHint()
	for {
		s := t.now.Load()
		sh := &s.shards[here]
		n := sh.readers.Add(entered)
		if t.now.Load() == s {
			if uint32(n>>32)*0x9e3779b9 <= s.share { //nolint:gosec // the upper half, spread evenly, whatever pattern the passes have
				return Pass{&s.timed, sh}
			}
			return Pass{&s.plain, sh}
		}
		s.leave(sh) // too late: nobody waits for this one any more
	}
}

// Version names what the pass meets: as long as it is the same, so is what is
// attached to the table. It is never 0.
func (p Pass) Version() uint64 { return p.view.snap.seq + 1 }

// Leave ends the pass. It is called once.
func (p Pass) Leave() {
	if p.view != nil {
		p.view.snap.leave(p.shard)
	}
}

func (p Pass) slot(id int) any {
	if p.view == nil || id >= len(p.view.slots) {
		return nil
	}
	return p.view.slots[id]
}

// shardHint is a shard that differs between goroutines and stays the same in
// one: it is made of the place where the stack lies (at least 2 KiB each, hence
// 11 bits; the factor spreads neighbours). A stream has one goroutine, so that
// each stream has its shard. That a stack may move is no harm: a pass keeps its
// shard.
func shardHint() uint64 {
	var here byte
	at := uint64(uintptr(unsafe.Pointer(&here))) //nolint:gosec // only a number is made of it
	return (at >> 11) * 0x9e3779b97f4a7c15 >> (64 - shardBits)
}

func (s *snapshot) leave(sh *shard) {
	if int32(sh.readers.Add(-1)) == 0 && s.retired.Load() { //nolint:gosec // the lower half
		s.check()
	}
}

// retire is called when another snapshot stands in the place of s. A reader
// counts itself first and then looks whether s is still the one: those not yet
// counted here will not stay, so each shard that is once found empty remains so.
func (s *snapshot) retire() {
	s.retired.Store(true)
	s.check()
}

// check is called by whoever may have been the last to leave. Of two that leave
// different shards, the later one finds both empty.
func (s *snapshot) check() {
	if s.open() == 0 && s.empty.CompareAndSwap(false, true) {
		close(s.drained)
	}
}

// open is the number of passes that have not ended.
func (s *snapshot) open() (n int64) {
	for i := range s.shards {
		n += int64(s.shards[i].open())
	}
	return n
}

// An Attachment is one thing that is attached to a table.
type Attachment struct {
	Point string  // the extension point's name
	Key   string  // of a Chain or a Map
	Owner string  // the scope's name
	Prio  float64 // of a Hook or a Chain
}

// Describe lists what is attached, by extension point, each in order of running.
func (t *Table) Describe() []Attachment {
	var all []Attachment
	for _, list := range t.now.Load().entries {
		for _, e := range list {
			a := Attachment{Point: pointOf(e.point).name, Owner: e.owner.name, Prio: e.prio}
			if e.key != nil {
				a.Key = fmt.Sprint(e.key)
			}
			all = append(all, a)
		}
	}
	slices.SortStableFunc(all, func(a, b Attachment) int { return cmp.Compare(a.Point, b.Point) })
	return all
}
