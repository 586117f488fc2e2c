// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"
	"sync"

	"tercet/core/transport"
)

// turnMost is how many stanzas go through a lane in one turn.
const turnMost = 128

// An inbox gathers what arrives while the lane is taken. What comes in a row, as
// do the answers to many probes, arrives in one turn and is one write.
type inbox struct {
	mu   sync.Mutex // guards what follows, and what last points to
	last *turn      // has not begun
	came uint64     // of the lane, when last had come
}

type turn struct{ all []parcel }

// turns are those that are over: memory for the next.
var turns = sync.Pool{New: func() any { return &turn{make([]parcel, 0, 8)} }}

// take has the event arrive later, behind all that waits in the lane already.
func (l *place) take(ctx context.Context, ev *Event, dest *Host) {
	later := ev.waiting()
	b := &l.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last == nil || len(b.last.all) == turnMost || b.came != l.Came() {
		t, _ := turns.Get().(*turn)
		b.last = t
		ctx = detach(ctx)
		b.came = l.Later(func() { l.hand(ctx, t, dest) })
	}
	b.last.all = append(b.last.all, later)
}

// hand has all of a turn arrive, in the lane.
func (l *place) hand(ctx context.Context, t *turn, dest *Host) {
	l.inbox.mu.Lock()
	if l.inbox.last == t {
		l.inbox.last = nil
	}
	l.inbox.mu.Unlock()
	l.handFrom(ctx, t, 0, dest)
}

func (l *place) handFrom(ctx context.Context, t *turn, n int, dest *Host) {
	var k transport.Cork
	p := dest.Table.Enter()
	defer func() {
		p.Leave()
		k.Flush()
		if n < len(t.all) { // a handler panicked
			l.Later(func() { l.handFrom(ctx, t, n, dest) })
			return
		}
		clear(t.all)
		t.all = t.all[:0]
		turns.Put(t)
	}()
	for n < len(t.all) {
		next := &t.all[n]
		n++
		next.ev.Host, next.ev.Pass, next.ev.Cork = dest, p, &k
		next.arrive(ctx)
	}
}

func (p *parcel) arrive(ctx context.Context) {
	defer p.over()
	p.ev.come(ctx)
}
