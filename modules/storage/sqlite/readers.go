// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"tercet/core/storage"
)

// readers is a bounded set of connections that read. A read that the disk holds
// up keeps its connection, but not its caller: that one leaves when its context
// ends.
type readers struct {
	to      driver.Connector
	slots   chan *conn // nil for a connection that is not open yet
	closed  chan struct{}
	timeout time.Duration
}

func newReaders(path string, o Options) (*readers, error) {
	to, err := newConnector(path, readerPragmas(o))
	if err != nil {
		return nil, err
	}
	r := &readers{to: to, slots: make(chan *conn, o.Readers), closed: make(chan struct{}), timeout: o.ReadTimeout}
	for range o.Readers {
		r.slots <- nil
	}
	return r, nil
}

// close waits for the reads that run, as long as one may take.
func (r *readers) close() error {
	close(r.closed)
	timeout := time.NewTimer(r.timeout)
	defer timeout.Stop()
	var errs []error
	for range cap(r.slots) {
		select {
		case c := <-r.slots:
			if c != nil {
				errs = append(errs, c.close())
			}
		case <-timeout.C:
			return errors.Join(append(errs, errors.New("a read does not end"))...)
		}
	}
	return errors.Join(errs...)
}

// take waits for a connection.
func (r *readers) take(ctx context.Context) (*conn, error) {
	select {
	case <-r.closed:
		return nil, errClosed
	default:
	}
	var c *conn
	select {
	case c = <-r.slots:
	case <-r.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, storage.Unavailable(fmt.Errorf("all connections are busy: %w", ctx.Err()))
	}
	if c != nil {
		return c, nil
	}
	c, err := connect(ctx, r.to)
	if err != nil {
		r.slots <- nil
		return nil, classify(err)
	}
	return c, nil
}

// give returns a connection; one that has failed for good is opened anew.
func (r *readers) give(c *conn, err error) {
	if spoils(err) {
		_ = c.close()
		c = nil
	}
	r.slots <- c
}

// read runs fn with a connection. What fn returns is all that its caller may
// look at: after an error it may still run.
func read[T any](ctx context.Context, r *readers, fn func(context.Context, *conn) (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	var none T
	cancel := func() {}
	if _, ok := ctx.Deadline(); !ok {
		ctx, cancel = context.WithTimeout(ctx, r.timeout)
	}
	c, err := r.take(ctx)
	if err != nil {
		cancel()
		return none, err
	}
	done := make(chan outcome, 1)
	go func() {
		defer cancel() // after done has the outcome
		var o outcome
		o.value, o.err = guarded(ctx, c, fn)
		r.give(c, o.err)
		done <- o
	}()
	var o outcome
	select {
	case o = <-done:
	case <-ctx.Done():
		select {
		case o = <-done: // in time after all
		default:
			o.err = storage.Unavailable(ctx.Err())
		}
	}
	if o.err != nil {
		return none, classify(o.err)
	}
	return o.value, nil
}

// guarded runs fn; a panic in it is an error, since here is the root of its goroutine.
func guarded[T any](ctx context.Context, c *conn, fn func(context.Context, *conn) (T, error)) (value T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a read: %v", p)
		}
	}()
	return fn(ctx, c)
}
