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

// ErrTimeout says that nobody has answered in time.
var ErrTimeout = errors.New("iq: no answer in time")

// calls are the requests of a host that wait for their answers.
type calls struct {
	mu      sync.Mutex // guards waiting
	waiting map[callKey]*call
}

type callKey struct {
	to jid.JID
	id string
}

type call struct {
	answer func(context.Context, *stanza.Stanza, error)
	stop   func() bool
}

var pending = slot.New[calls]("iq-calls")

// Call sends a request from the host or one of its accounts and has answer
// called once: with the result, with a *stanza.Error, or with ErrTimeout. The
// request's ID is replaced by a fresh one that cannot be guessed.
func Call(ctx context.Context, h *route.Host, st *stanza.Stanza, timeout time.Duration, answer func(context.Context, *stanza.Stanza, error)) {
	st = st.WithID(stanza.NewID())
	key := callKey{st.To, st.ID}
	c := &call{answer: answer}
	all := pending.Of(h)
	bg := context.WithoutCancel(ctx)
	all.mu.Lock()
	if all.waiting == nil {
		all.waiting = make(map[callKey]*call)
	}
	all.waiting[key] = c
	c.stop = time.AfterFunc(timeout, func() { //nolint:forbidigo // a call outlives the scope that made it
		if all.take(key) != nil {
			answer(bg, nil, ErrTimeout)
		}
	}).Stop
	all.mu.Unlock()
	h.Send(ctx, st)
}

func (c *calls) take(k callKey) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.waiting[k]
	delete(c.waiting, k)
	return found
}

// dispatchReply gives a result or an error to the call that waits for it.
func dispatchReply(ctx context.Context, ev *route.Event) ext.Verdict {
	all := pending.Peek(ev.Host)
	if all == nil {
		return ext.Next
	}
	st := ev.Stanza
	c := all.take(callKey{st.From, st.ID})
	if c == nil {
		return ext.Next
	}
	c.stop()
	if st.Type == "error" {
		c.answer(ctx, st, stanza.ReadError(st))
	} else {
		c.answer(ctx, st, nil)
	}
	return ext.Stop
}

// Query makes the request stanza for a payload.
func Query(kind Kind, from, to jid.JID, payload element.Element) *stanza.Stanza {
	typ := "get"
	if kind == Set {
		typ = "set"
	}
	return stanza.New(stanza.IQ, typ, from, to, stanza.NewID(), payload)
}
