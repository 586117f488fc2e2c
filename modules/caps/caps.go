// SPDX-License-Identifier: Apache-2.0

// Package caps knows what clients can do by what their presence stands for
// (XEP-0115, version 1.6.0).
package caps

import (
	"context"
	"sync"
	"time"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/iq"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/slot"
	"tercet/core/stanza"
	"tercet/modules/disco"
)

// Module is the entity capabilities module.
var Module = module.Define("caps", module.OnHost, options{Size: 1000}, load)

type options struct {
	Size int `lua:"caps_cache_size" min:"1" doc:"Kinds of clients of which it is kept in memory what they can do."`
}

const (
	ns     = "http://jabber.org/protocol/caps"
	nsInfo = "http://jabber.org/protocol/disco#info"
	// maxAttr is the longest attribute of <c/> that is looked at.
	maxAttr = 1023
	// patience is how long a client may take to answer.
	patience = 30 * time.Second
)

// A key is what a verification string stands for: the same string by another
// hash function is another one.
type key struct{ algo, ver string }

// knowns are what a host has verified; they outlive a reload of the module.
var knowns = slot.New[known]("caps")

type known struct {
	mu  sync.Mutex // guards all
	all map[key]*Info
}

func (k *known) get(at key) *Info {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.all[at]
}

// put keeps what was verified, in place of any other if there are too many:
// what is dropped wrongly is asked for again.
func (k *known) put(at key, i *Info, limit int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all == nil {
		k.all = make(map[key]*Info)
	}
	for old := range k.all {
		if len(k.all) < limit {
			break
		}
		delete(k.all, old)
	}
	k.all[at] = i
}

// clients are what is known of the sessions' clients.
var clients = slot.New[client]("caps")

type client struct {
	mu   sync.Mutex // guards what follows
	is   claim      // what its presence said last
	info *Info      // nil while that is not known
	busy bool       // it was asked and has not answered
}

// A claim is what a <c/> says. Without a hash it is the old format of version
// 1.3, which nobody can verify.
type claim struct{ node, ver, hash string }

func (c claim) key() key { return key{c.hash, c.ver} }

// verifiable reports whether an answer can be compared with the claim.
func (c claim) verifiable() bool { return c.ver != "" && hashes[c.hash] != nil }

func readClaim(st *stanza.Stanza) (c claim, ok bool) {
	e := st.Child(ns, "c")
	if e.IsZero() {
		return c, false
	}
	c = claim{e.Attr("node"), e.Attr("ver"), e.Attr("hash")}
	return c, len(c.node) <= maxAttr && len(c.ver) <= maxAttr && len(c.hash) <= maxAttr
}

type caps struct {
	options
	scope *module.Scope
	known *known
}

func load(s *module.Scope, o options) error {
	m := &caps{o, s, knowns.Of(s.Host)}
	Service.Offer(s, Capabilities(m))
	disco.Feature.Add(s, ns)
	route.Out[stanza.Presence][route.Bare].Handle(s, -5, m.presence) // it has passed all who check it
	return nil
}

// Of is what a session's client has told.
func (m *caps) Of(s *session.Session) *Info {
	c := clients.Peek(s)
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.info
}

// Known is what a presence's <c/> stands for.
func (m *caps) Known(presence *stanza.Stanza) *Info {
	if c, ok := readClaim(presence); ok && c.verifiable() {
		return m.known.get(c.key())
	}
	return nil
}

// presence takes what a client's own presence says.
func (m *caps) presence(ctx context.Context, ev *route.Event) ext.Verdict {
	st := ev.Stanza
	if !ev.ToSelf {
		return ext.Next
	}
	if st.Type == "unavailable" {
		m.settle(ctx, ev.Origin, claim{}, nil)
		return ext.Next
	}
	is, ok := readClaim(st)
	if st.Type != "" || !ok {
		return ext.Next // what was said before still holds
	}
	c := clients.Of(ev.Origin)
	c.mu.Lock()
	same, busy := c.is == is, c.busy
	if !same {
		c.is, c.info = is, nil
	}
	c.mu.Unlock()
	if same {
		return ext.Next
	}
	if info := m.Known(st); info != nil {
		m.settle(ctx, ev.Origin, is, info)
		return ext.Next
	}
	if !busy { // else its answer leads to the next question
		m.ask(ctx, ev.Origin, is)
	}
	return ext.Next
}

// ask asks the client itself (section 6.2), one thing at a time.
func (m *caps) ask(ctx context.Context, s *session.Session, is claim) {
	c := clients.Of(s)
	c.mu.Lock()
	c.busy = true
	c.mu.Unlock()
	b := element.New(nsInfo, "query")
	if is.hash != "" {
		b.Attr("node", is.node+"#"+is.ver)
	}
	h := m.scope.Host
	iq.Call(ctx, m.scope.Scope, h, iq.Query(iq.Get, h.JID, s.JID, b.Element()), patience, func(ctx context.Context, st *stanza.Stanza, err error) {
		if err == nil {
			m.answered(ctx, s, is, st.First())
		}
		c.mu.Lock()
		c.busy = false
		next := c.is
		if next == is && c.info == nil {
			c.is = claim{} // it does not say; its next presence has it asked again
		}
		c.mu.Unlock()
		if next != is && next != (claim{}) && !s.Ended() {
			m.ask(ctx, s, next)
		}
	})
}

// answered takes the client's answer. Only what proves to be what the claim
// stands for is kept for others (section 5.4); the rest holds for this session
// alone.
func (m *caps) answered(ctx context.Context, s *session.Session, is claim, q element.Element) {
	if !q.Is(nsInfo, "query") || q.Size() > maxBytes {
		return
	}
	r, err := readResponse(q)
	if len(r.features) > maxFeatures {
		return
	}
	info := r.info()
	switch {
	case err == nil && is.verifiable() && r.ver(is.hash) == is.ver:
		m.known.put(is.key(), info, m.Size)
	case is.verifiable():
		m.scope.Log.DebugContext(ctx, "capabilities are not what they stand for", "jid", s.JID.String())
	}
	m.settle(ctx, s, is, info)
}

// settle notes what a session's client can do, if it still claims the same.
func (m *caps) settle(ctx context.Context, s *session.Session, is claim, info *Info) {
	c := clients.Of(s)
	c.mu.Lock()
	if info == nil {
		c.is = claim{}
	}
	if c.is != is {
		c.mu.Unlock()
		return
	}
	c.info = info
	c.mu.Unlock()
	if info == nil {
		return
	}
	p := m.scope.Host.Table.Enter()
	defer p.Leave()
	if Changed.Has(p) {
		Changed.Fire(ctx, p, &ChangedEvent{Session: s, Host: m.scope.Host, Pass: p, Info: info})
	}
}
