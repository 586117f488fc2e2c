// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"context"
	"encoding/json"
	"slices"

	"tercet/core/element"
	"tercet/core/ext"
	points "tercet/core/guest"
	"tercet/core/stanza"
)

// What one call of a guest may send: so many stanzas, and so many bytes in all.
const (
	maxSends = 100
	maxSent  = 1 << 20
)

// limits are those of XML from a guest.
var limits = element.Limits{Bytes: 262144, Depth: 64, Attrs: 64, Children: 4096}

// effects are what a call of a guest shall have done. They take place when it
// has returned, and not at all if it failed.
type effects struct {
	replaced *stanza.Stanza
	changed  json.RawMessage
	reply    *stanza.Stanza
	sends    []*stanza.Stanza
	requests []*fetch
	bytes    int
}

// effects are those of the call at work, or nil outside of one, or when they
// become too many.
func (i *instance) effects(more int) *effects {
	if i.call.ev == nil {
		return nil
	}
	if i.call.out == nil {
		i.call.out = new(effects)
	}
	out := i.call.out
	if out.bytes += more; out.bytes > maxSent {
		return nil
	}
	return out
}

// apply makes them take place.
func (out *effects) apply(ctx context.Context, p *plugin, ev *points.Event, verdict ext.Verdict) ext.Verdict {
	if out.changed != nil {
		if err := ev.Change(out.changed); err != nil {
			p.guard.Failed(ctx, "replace", err)
			return p.guard.Verdict(ctx, ev)
		}
	}
	if out.replaced != nil {
		ev.Route.Stanza = out.replaced
	}
	for _, st := range out.sends {
		if ev.Route != nil {
			ev.Route.Send(ctx, st)
		} else {
			p.scope.Host.Send(ctx, st)
		}
	}
	for _, f := range out.requests {
		p.http.start(f)
	}
	if out.reply != nil {
		ev.Route.Reply(ctx, out.reply)
		if ev.Request != nil {
			return ext.Stop
		}
	}
	return verdict
}

// hostSend takes a stanza from the host itself.
func (i *instance) hostSend(stack []uint64) {
	b, good := i.bytes(stack, 0)
	switch {
	case !good:
		result(stack, errMalformed)
		return
	case !i.plugin.grants.Allow("send", ""):
		result(stack, errDenied)
		return
	}
	out := i.effects(len(b))
	if out == nil || len(out.sends) >= maxSends {
		result(stack, errLarge)
		return
	}
	e, err := element.ParseWithin(b, limits)
	if err != nil {
		result(stack, errMalformed)
		return
	}
	st, err := stanza.Read(e)
	if err != nil || st.To.IsZero() {
		result(stack, errMalformed)
		return
	}
	host := i.plugin.scope.Host
	switch {
	case st.From.IsZero():
		st = st.WithFrom(host.JID)
	case st.From.Local() != "" || st.From.Domain() != host.Name:
		result(stack, errDenied) // it speaks for the host, and for nobody else
		return
	}
	out.sends = append(out.sends, st)
	result(stack, ok)
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

// hostReply answers the stanza of the event. An <error/> makes an error of it.
func (i *instance) hostReply(stack []uint64) {
	b, good := i.bytes(stack, 0)
	if !good {
		result(stack, errMalformed)
		return
	}
	result(stack, i.reply(b))
}

func (i *instance) reply(b []byte) int32 {
	ev := i.call.ev
	if ev == nil || ev.Route == nil {
		return errDenied
	}
	out := i.effects(len(b))
	if out == nil {
		return errLarge
	}
	st := ev.Route.Stanza
	children, good := payload(b)
	if !good || st.Kind == stanza.IQ && len(children) > 1 {
		return errMalformed
	}
	typ := st.Type
	switch {
	case st.Type == "error", st.Type == "result", out.reply != nil:
		return errDenied // RFC 6120 8.3.1: it must not be answered, or it has been
	case len(children) > 0 && children[0].Is(element.NSClient, "error"):
		typ = "error"
	case st.Kind == stanza.IQ:
		typ = "result"
	}
	// Only an error may be sent in the name of whoever was addressed; unless
	// that is the host, or it is a request that the guest was given to answer.
	host := i.plugin.scope.Host
	if typ != "error" && ev.Request == nil && (st.To.Local() != "" || st.To.Domain() != host.Name) {
		return errDenied
	}
	out.reply = stanza.New(st.Kind, typ, st.To, st.From, st.ID, children...)
	return ok
}

// hostReplace puts another payload into the stanza of the event, or another
// value in the place of its own.
func (i *instance) hostReplace(stack []uint64) {
	b, good := i.bytes(stack, 0)
	ev := i.call.ev
	switch {
	case !good:
		result(stack, errMalformed)
		return
	case ev == nil || ev.Request != nil || ev.Route == nil && ev.Change == nil || !i.plugin.grants.Allow("replace", ""):
		result(stack, errDenied)
		return
	}
	out := i.effects(len(b))
	if out == nil {
		result(stack, errLarge)
		return
	}
	if ev.Route == nil {
		if !json.Valid(b) {
			result(stack, errMalformed)
			return
		}
		out.changed = slices.Clone(b)
		result(stack, ok)
		return
	}
	e, err := element.ParseWithin(b, limits)
	if err != nil {
		result(stack, errMalformed)
		return
	}
	st, err := stanza.Read(e)
	old := ev.Route.Stanza
	if err != nil || st.Kind != old.Kind || st.Type != old.Type || st.ID != old.ID || st.From != old.From || st.To != old.To {
		result(stack, errMalformed) // who says what to whom is not a guest's to change
		return
	}
	out.replaced = st
	result(stack, ok)
}
