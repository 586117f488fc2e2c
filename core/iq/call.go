// SPDX-License-Identifier: Apache-2.0

package iq

import (
	"context"
	"errors"
	"sync"
	"time"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/route"
	"tercet/core/slot"
	"tercet/core/stanza"
)

// Why a call has no answer; another reason is ext.ErrClosed.
var (
	ErrTimeout = errors.New("iq: no answer in time")
	ErrTooMany = errors.New("iq: too many requests wait for an answer")
)

// Most calls that may be open at a time: to one address, and of a host.
const (
	maxTo   = 64
	maxOpen = 1 << 18
)

// calls are the requests of a host that wait for their answers.
type calls struct {
	mu      sync.Mutex // guards what follows
	waiting map[callKey]*call
	to      map[jid.JID]int // how many of them, by address
}

type callKey struct {
	to jid.JID
	id string
}

// An Answer is called with the result, or with a *stanza.Error and its stanza,
// or with the reason why there is none.
type Answer func(context.Context, *stanza.Stanza, error)

type call struct {
	answer Answer
	stop   func() // what would end it otherwise
	done   func()
}

var pending = slot.New[calls]("iq-calls")

// Call sends a request from the host or one of its accounts and has answer
// called once, maybe before it returns: with the answer, after the timeout with
// ErrTimeout, or at the Close of s, which waits for that, with ext.ErrClosed.
// The request's ID is replaced by a fresh one that cannot be guessed, and the
// answer has to come from whom was asked.
func Call(ctx context.Context, s *ext.Scope, h *route.Host, st *stanza.Stanza, timeout time.Duration, answer Answer) {
	st = st.WithID(stanza.NewID())
	key := callKey{st.To, st.ID}
	all := pending.Of(h)
	c := &call{answer: answer, done: s.Hold()}
	if s.Context().Err() != nil {
		c.done()
		answer(ctx, nil, ext.ErrClosed)
		return
	}
	bg := context.WithoutCancel(ctx)
	if !all.add(key, c, func() {
		late := s.After(timeout, func(context.Context) { all.end(bg, key, nil, ErrTimeout) })
		closed := context.AfterFunc(s.Context(), func() { //nolint:contextcheck // the end of the module, not of the caller
			s.Go(func(context.Context) { all.end(bg, key, nil, ext.ErrClosed) }) // runs: the call holds s
		})
		c.stop = func() { late(); closed() }
	}) {
		c.done()
		answer(ctx, nil, ErrTooMany)
		return
	}
	h.Send(ctx, st)
}

// add has a call wait, unless there are too many. What is armed may end it at
// once, and waits for that until the call is there.
func (c *calls) add(k callKey, fresh *call, arm func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		c.waiting, c.to = make(map[callKey]*call), make(map[jid.JID]int)
	}
	if len(c.waiting) >= maxOpen || c.to[k.to] >= maxTo {
		return false
	}
	arm()
	c.waiting[k] = fresh
	c.to[k.to]++
	return true
}

// end takes a call out and answers it; it reports whether the call was open.
func (c *calls) end(ctx context.Context, k callKey, st *stanza.Stanza, err error) bool {
	c.mu.Lock()
	found := c.waiting[k]
	if found == nil {
		c.mu.Unlock()
		return false
	}
	delete(c.waiting, k)
	if c.to[k.to]--; c.to[k.to] == 0 {
		delete(c.to, k.to)
	}
	c.mu.Unlock()
	defer found.done()
	found.stop()
	found.answer(ctx, st, err)
	return true
}

// dispatchReply gives a result or an error to the call that waits for it.
func dispatchReply(ctx context.Context, ev *route.Event) ext.Verdict {
	all := pending.Peek(ev.Host)
	if all == nil {
		return ext.Next
	}
	st := ev.Stanza
	var cause error
	if st.Type == "error" {
		cause = stanza.ReadError(st)
	}
	return ext.Verdict(all.end(ctx, callKey{st.From, st.ID}, st, cause))
}

// Query makes the request stanza for a payload.
func Query(kind Kind, from, to jid.JID, payload element.Element) *stanza.Stanza {
	typ := "get"
	if kind == Set {
		typ = "set"
	}
	return stanza.New(stanza.IQ, typ, from, to, stanza.NewID(), payload)
}
