// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/guest"
	"tercet/core/module"
	"tercet/core/stanza"
)

// Why something that a guest gives is refused.
var (
	ErrDenied    = errors.New("not granted, or not now")
	ErrMalformed = errors.New("malformed")
	ErrLarge     = errors.New("too large")
	ErrEndless   = errors.New("modules answer each other without end")
)

// What one call of a guest may send: so many stanzas, and so many bytes in all.
const (
	maxSends = 100
	maxSent  = 1 << 20
)

// limits are those of XML from a guest.
var limits = element.Limits{Bytes: 262144, Depth: 64, Attrs: 64, Children: 4096}

// Effects are what one call of a guest shall have done. They take place at
// Apply, and never if the call failed. What is refused is refused at once.
type Effects struct {
	scope  *module.Scope
	grants Grants
	event  *guest.Event

	replaced *stanza.Stanza
	changed  json.RawMessage
	reply    *stanza.Stanza
	sends    []*stanza.Stanza
	more     []func()
	bytes    int
}

// NewEffects returns those of a guest's call for an event.
func NewEffects(s *module.Scope, g Grants, ev *guest.Event) *Effects {
	return &Effects{scope: s, grants: g, event: ev}
}

// Take counts bytes that the call gives, of whatever kind.
func (e *Effects) Take(bytes int) error {
	if e.bytes += bytes; e.bytes > maxSent {
		return ErrLarge
	}
	return nil
}

// Also has fn run at Apply, behind what is sent.
func (e *Effects) Also(fn func()) { e.more = append(e.more, fn) }

// Apply makes them take place.
func (e *Effects) Apply(ctx context.Context, p *Post, verdict ext.Verdict) ext.Verdict {
	ev := e.event
	if e.changed != nil {
		if err := ev.Change(e.changed); err != nil {
			p.Failed(ctx, err)
			return p.Verdict(ctx, ev)
		}
	}
	if e.replaced != nil {
		ev.Route.Stanza = e.replaced
	}
	if ev.Route != nil && ev.Route.Spent() && len(e.sends) > 0 {
		p.Failed(ctx, ErrEndless)
		e.sends = nil
	}
	for _, st := range e.sends {
		if ev.Route != nil {
			ev.Route.Send(ctx, st)
		} else {
			e.scope.Host.Send(ctx, st)
		}
	}
	for _, fn := range e.more {
		fn()
	}
	if e.reply != nil && ev.Route.Origin == nil && ev.Route.Spent() {
		p.Failed(ctx, ErrEndless)
		return verdict
	}
	if e.reply != nil {
		ev.Route.Reply(ctx, e.reply)
		if ev.Request != nil {
			return ext.Stop
		}
	}
	return verdict
}

// Send takes a stanza from the host itself.
func (e *Effects) Send(b []byte) error {
	if !e.grants.Allow("send", "") {
		return ErrDenied
	}
	if err := e.Take(len(b)); err != nil || len(e.sends) >= maxSends {
		return ErrLarge
	}
	el, err := element.ParseWithin(b, limits)
	if err != nil {
		return ErrMalformed
	}
	st, err := stanza.Read(el)
	if err != nil || st.To.IsZero() {
		return ErrMalformed
	}
	host := e.scope.Host
	switch {
	case st.From.IsZero():
		st = st.WithFrom(host.JID)
	case st.From.Local() != "" || st.From.Domain() != host.Name:
		return ErrDenied // it speaks for the host, and for nobody else
	}
	e.sends = append(e.sends, st)
	return nil
}

// payload reads elements that are to be in a stanza.
func payload(b []byte) ([]element.Element, bool) {
	if len(b) > limits.Bytes {
		return nil, false
	}
	e, err := element.ParseWithin(slices.Concat([]byte("<message>"), b, []byte("</message>")), limits)
	if err != nil {
		return nil, false
	}
	return slices.Collect(e.Children()), true
}

// Reply answers the stanza of the event. An <error/> makes an error of it.
func (e *Effects) Reply(b []byte) error {
	ev := e.event
	if ev.Route == nil {
		return ErrDenied
	}
	if err := e.Take(len(b)); err != nil {
		return err
	}
	st := ev.Route.Stanza
	children, good := payload(b)
	if !good || st.Kind == stanza.IQ && len(children) > 1 {
		return ErrMalformed
	}
	typ := st.Type
	switch {
	case st.Type == "error", st.Type == "result", e.reply != nil:
		return ErrDenied // RFC 6120 8.3.1: it must not be answered, or it has been
	case len(children) > 0 && children[0].Is(element.NSClient, "error"):
		typ = "error"
	case st.Kind == stanza.IQ:
		typ = "result"
	}
	// Only an error may be sent in the name of whoever was addressed; unless
	// that is the host, or it is a request that the guest was given to answer.
	host := e.scope.Host
	if typ != "error" && ev.Request == nil && (st.To.Local() != "" || st.To.Domain() != host.Name) {
		return ErrDenied
	}
	e.reply = stanza.New(st.Kind, typ, st.To, st.From, st.ID, children...)
	return nil
}

// Replace puts another payload into the stanza of the event, or another value
// in the place of its own.
func (e *Effects) Replace(b []byte) error {
	ev := e.event
	if ev.Request != nil || ev.Route == nil && ev.Change == nil || !e.grants.Allow("replace", "") {
		return ErrDenied
	}
	if err := e.Take(len(b)); err != nil {
		return err
	}
	if ev.Route == nil {
		if !json.Valid(b) {
			return ErrMalformed
		}
		e.changed = slices.Clone(b)
		return nil
	}
	el, err := element.ParseWithin(b, limits)
	if err != nil {
		return ErrMalformed
	}
	st, err := stanza.Read(el)
	old := ev.Route.Stanza
	if err != nil || st.Kind != old.Kind || st.Type != old.Type || st.ID != old.ID || st.From != old.From || st.To != old.To {
		return ErrMalformed // who says what to whom is not a guest's to change
	}
	e.replaced = st
	return nil
}
