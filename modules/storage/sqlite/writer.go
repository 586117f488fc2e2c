// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"tercet/core/storage"
)

const (
	// maxRows and maxTime end a transaction that goes on taking what arrives
	// while it is being written.
	maxRows = 500
	maxTime = 2 * time.Millisecond
	// linger is how long entries for which nobody waits are kept for company.
	linger = 2 * time.Millisecond
	// opCost is what an operation in the queue costs beside its bytes.
	opCost = 256
	// maxSpare is how many emptied slices are kept.
	maxSpare = 4
	// After quietMany without a write the log is taken into the database if many
	// rows have been written since it was last done, after quietFew in any case.
	quietMany, many = time.Second, 1000
	quietFew        = 30 * time.Second
)

// An op is something to be written: an entry if run is nil.
type op struct {
	store         *store
	owner         string
	id, lag, peer int64
	jid           string
	body          []byte
	run           func(context.Context, *tx) error
}

// A chunk is what is committed or lost together: at most maxRows operations.
type chunk struct {
	*storage.Batch
	ops     []op
	bytes   int64
	since   time.Time  // when the first came
	touched [16]uint64 // a bit per archive that has an entry here, by hash
	taken   bool       // by the writing goroutine
}

// writer is the one goroutine that writes, and its queue.
type writer struct {
	tx      *tx
	dir     string
	limit   int64 // bytes in the queue
	now     func() time.Time
	warn    func(string)
	calls   *calls
	kick    chan struct{} // there is something new to look at
	stopped chan struct{} // closed when the goroutine has ended; nil before it began
	failed  bool          // the last transaction was lost
	written int           // rows since the last checkpoint
	roomed  time.Time     // when room was last made on a full disk

	mu     sync.Mutex // guards what follows
	ids    *storage.Sequence
	queue  []*chunk // waiting, oldest first
	taken  []*chunk // being written, oldest first
	bytes  int64    // in queue and taken
	spare  [][]op   // emptied, for chunks to come
	urgent bool     // somebody waits for a chunk in queue
	closed bool
}

// newWriter takes the connection and draws a generation for the ids to come.
func newWriter(ctx context.Context, db *DB) (*writer, error) {
	connector, err := newConnector(db.path, writerPragmas(db.options))
	if err != nil {
		return nil, err
	}
	c, err := connect(ctx, connector)
	if err != nil {
		return nil, err
	}
	w := &writer{
		tx: newTx(c), dir: filepath.Dir(db.path),
		limit: int64(db.options.QueueSize), now: db.options.now, warn: db.options.Warn,
		calls: newCalls(db.options.Warn), kick: make(chan struct{}, 1),
	}
	var generation, last int64
	_, err = c.row(ctx, "UPDATE server SET generation = generation + 1 RETURNING generation,"+
		" max(floor, (SELECT coalesce(max(id), 0) FROM entry)), secret", nil, &generation, &last, &db.secret)
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	w.ids = storage.NewSequence(last, generation)
	return w, nil
}

func (w *writer) start(ctx context.Context) {
	w.stopped = make(chan struct{})
	go w.calls.loop()
	go w.loop(ctx)
}

// close commits what waits, and closes the connection.
func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	if w.stopped != nil {
		w.wake()
		<-w.stopped
		w.calls.close()
	}
	return w.tx.c.close()
}

// wake makes the goroutine look at the queue.
func (w *writer) wake() {
	select {
	case w.kick <- struct{}{}:
	default: // it will look anyway
	}
}

// append queues an entry and draws its id, both under one lock: ids grow in the
// order of the queue, which is that of the commits.
func (w *writer) append(o op, when time.Time) (int64, storage.Commit, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, err := w.room(int64(len(o.body) + len(o.owner) + len(o.jid)))
	if err != nil {
		return 0, storage.Commit{}, err
	}
	now := w.now()
	o.id = w.ids.Next(now)
	if when.IsZero() {
		when = now
	}
	o.lag = storage.Micros(when) - storage.IDMicros(o.id)
	bit := o.store.hash(o.owner)
	c.touched[bit/64] |= 1 << (bit % 64)
	c.ops = append(c.ops, o)
	return o.id, c.Commit(), nil
}

// do queues run and waits until it is committed.
func (w *writer) do(ctx context.Context, bytes int, run func(context.Context, *tx) error) error {
	if err := ctx.Err(); err != nil {
		return storage.Unavailable(err)
	}
	w.mu.Lock()
	c, err := w.room(int64(bytes))
	if err == nil {
		c.ops = append(c.ops, op{run: run})
	}
	w.mu.Unlock()
	if err != nil {
		return err
	}
	return c.Commit().Wait(ctx)
}

// room returns the chunk for one more operation. The lock is held.
func (w *writer) room(bytes int64) (*chunk, error) {
	bytes += opCost
	switch {
	case w.closed:
		return nil, errClosed
	case w.bytes > 0 && w.bytes+bytes > w.limit:
		return nil, fmt.Errorf("%w: %d bytes wait to be written", storage.ErrUnavailable, w.bytes)
	}
	n := len(w.queue)
	if n == 0 || len(w.queue[n-1].ops) >= maxRows {
		c := &chunk{since: time.Now()}
		c.Batch = storage.NewBatch(func() { w.urge(c) })
		if last := len(w.spare) - 1; last >= 0 {
			c.ops, w.spare = w.spare[last], w.spare[:last]
		}
		w.queue = append(w.queue, c)
		w.wake()
		n++
	}
	c := w.queue[n-1]
	c.bytes += bytes
	w.bytes += bytes
	return c, nil
}

// urge is called when somebody waits for c.
func (w *writer) urge(c *chunk) {
	w.mu.Lock()
	urgent := !c.taken && !w.urgent
	w.urgent = w.urgent || !c.taken
	w.mu.Unlock()
	if urgent {
		w.wake()
	}
}

// settled waits until the entries of owner that were appended before are
// committed or lost.
func (w *writer) settled(ctx context.Context, s *store, owner string) error {
	bit := s.hash(owner)
	return w.waitFor(ctx, func(c *chunk) bool { return c.touched[bit/64]&(1<<(bit%64)) != 0 })
}

// settle waits until all that was queued before is committed or lost.
func (w *writer) settle(ctx context.Context) error {
	return w.waitFor(ctx, func(*chunk) bool { return true })
}

// waitFor waits for the newest chunk that is meant.
func (w *writer) waitFor(ctx context.Context, meant func(*chunk) bool) error {
	w.mu.Lock()
	var newest *chunk
	for _, chunks := range [2][]*chunk{w.queue, w.taken} {
		for _, c := range slices.Backward(chunks) {
			if newest == nil && meant(c) {
				newest = c
			}
		}
	}
	w.mu.Unlock()
	if newest == nil {
		return nil
	}
	if err := newest.Commit().Wait(ctx); ctx.Err() != nil {
		return err
	}
	return nil // what was lost is no matter of who reads
}

// loop is the goroutine.
func (w *writer) loop(ctx context.Context) {
	defer close(w.stopped)
	timer := time.NewTimer(0)
	for {
		c, wait, closed := w.next()
		switch {
		case c != nil:
			w.commit(ctx, c)
			continue
		case closed:
			return
		}
		timer.Reset(wait)
		select {
		case <-w.kick:
		case <-timer.C:
			w.rest(ctx, wait)
		}
	}
}

// next takes the oldest chunk if it is time, or says how long to wait.
func (w *writer) next() (c *chunk, wait time.Duration, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		return nil, w.untilRest(), w.closed
	}
	wait = linger - time.Since(w.queue[0].since)
	if !w.urgent && !w.closed && wait > 0 && len(w.queue) == 1 && len(w.queue[0].ops) < maxRows {
		return nil, wait, false
	}
	return w.takeOldest(), 0, false
}

// takeOldest takes the oldest chunk out of the queue. The lock is held.
func (w *writer) takeOldest() *chunk {
	c := w.queue[0]
	c.taken = true
	w.queue[0] = nil
	w.queue = w.queue[1:]
	if len(w.queue) == 0 {
		w.queue, w.urgent = nil, false
	}
	w.taken = append(w.taken, c)
	return c
}

// more takes what has arrived while a transaction was being written, if it fits.
func (w *writer) more(rows int) *chunk {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 || rows+len(w.queue[0].ops) > maxRows {
		return nil
	}
	return w.takeOldest()
}

// commit writes c, and what comes meanwhile, as one transaction.
func (w *writer) commit(ctx context.Context, c *chunk) {
	began, rows := time.Now(), 0
	err := w.tx.begin(ctx)
	for err == nil && c != nil {
		err = w.tx.apply(ctx, c.ops)
		rows += len(c.ops)
		if c = nil; time.Since(began) < maxTime {
			c = w.more(rows)
		}
	}
	if err == nil {
		err = w.tx.commit(ctx)
	}
	if err != nil {
		w.tx.rollback(ctx)
		err = fmt.Errorf("write to the database: %w", classifyWrite(err, w.dir))
		w.makeRoom(ctx, err)
	} else {
		w.written += rows
	}
	w.finish(err)
}

// finish tells those who have something in the transaction what became of it.
func (w *writer) finish(err error) {
	w.mu.Lock()
	taken := w.taken
	w.taken = nil
	for _, c := range taken {
		w.bytes -= c.bytes
		if len(w.spare) < maxSpare {
			clear(c.ops)
			w.spare = append(w.spare, c.ops[:0])
		}
	}
	w.mu.Unlock()
	for _, c := range taken {
		c.Finish(err)
		if c.Called() {
			w.calls.add(c.Batch)
		}
	}
	if failed := err != nil; failed != w.failed {
		w.failed = failed
		if failed {
			w.warn("what was to be stored is lost until this ends: " + err.Error())
		} else {
			w.warn("the database can be written to again")
		}
	}
}

// makeRoom takes the log into the database when the disk is full: where the
// database has free pages, the log then begins anew in the space that it has.
func (w *writer) makeRoom(ctx context.Context, err error) {
	if errors.Is(err, storage.ErrFull) && (!w.failed || time.Since(w.roomed) > time.Second) {
		w.roomed = time.Now()
		_ = w.tx.checkpoint(ctx)
	}
}

// untilRest says how long it must be quiet before the log is taken into the database.
func (w *writer) untilRest() time.Duration {
	switch {
	case w.written == 0:
		return time.Hour
	case w.written < many:
		return quietFew
	}
	return quietMany
}

// rest takes the log into the database, if it has been quiet for long enough.
func (w *writer) rest(ctx context.Context, waited time.Duration) {
	if w.written == 0 || waited < w.untilRest() {
		return
	}
	w.written = 0
	if err := w.tx.checkpoint(ctx); err != nil && !w.failed {
		w.warn("take the log into the database: " + err.Error())
	}
}
