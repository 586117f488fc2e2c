// SPDX-License-Identifier: Apache-2.0

package sasl

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"tercet/core/auth"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/slot"
	"tercet/core/stream"
)

// A negotiation is what a stream has been offered and what has come of it. It
// belongs to the stream's goroutine.
type negotiation struct {
	offered  []string // mechanisms, strongest first
	bindings []string // as they were advertised

	mechanism string
	exchange  auth.Exchange // nil: none is at work
	failures  int           // to prove anything
	tries     int           // of whatever outcome
}

var perStream = slot.New[negotiation]("sasl")

// speaks reports whether the stream is of the kind that is authenticated here.
func speaks(st *stream.Stream) bool { return st.Kind() == "c2s" && st.User() == "" }

// features offers the mechanisms that would work, strongest first, and beside
// them the types of channel binding (XEP-0440 section 2).
func (m *sasl) features(ctx context.Context, ev *stream.FeaturesEvent) ext.Verdict {
	st := ev.Stream
	if !speaks(st) || (m.Encryption && !st.Secured) {
		return ext.Next
	}
	c := channel(st)
	c.Bindings = bindingsOf(st)
	names, bound := m.offers(ev.Pass, c)
	if !bound {
		c.Bindings = nil
	}
	n := perStream.Of(st)
	n.offered, n.bindings = names, c.Bindings
	if len(names) == 0 {
		m.scope.Log.WarnContext(ctx, "no SASL mechanism can be offered: nobody can log in", "stream", st.ID, "remote", remote(st), "secured", st.Secured)
		return ext.Next
	}
	last := m.last.Load()
	if last == nil || !slices.Equal(last.names, names) || !slices.Equal(last.bindings, c.Bindings) {
		last = newOffer(names, c.Bindings)
		m.last.Store(last)
	}
	for _, e := range last.features {
		ev.Add(e)
	}
	return ext.Next
}

// An offer is what a stream is told. Most are told the same.
type offer struct {
	names, bindings []string
	features        []element.Element
}

func newOffer(names, bindings []string) *offer {
	list := element.New(nsSASL, "mechanisms")
	for _, name := range names {
		list.TextChild(nsSASL, "mechanism", name)
	}
	o := &offer{names, bindings, []element.Element{list.Element()}}
	if len(bindings) > 0 {
		list := element.New(nsBinding, "sasl-channel-binding")
		for _, kind := range bindings {
			list.Open(nsBinding, "channel-binding").Attr("type", kind).Close()
		}
		o.features = append(o.features, list.Element())
	}
	return o
}

// bindings are the types of channel binding that we know, best first: what is
// tied to the connection before what is tied to the certificate.
var bindings = [...]string{"tls-exporter", "tls-unique", "tls-server-end-point"}

// channel describes a stream to the mechanisms.
func channel(st *stream.Stream) *auth.Channel {
	return &auth.Channel{Host: st.Host, Remote: st.Remote.Addr().Unmap(), Secured: st.Secured, Binding: st.Conn.ChannelBinding}
}

func bindingsOf(st *stream.Stream) (all []string) {
	if !st.Secured {
		return nil
	}
	for _, kind := range bindings {
		if st.Conn.Binds(kind) {
			all = append(all, kind)
		}
	}
	return all
}

// offers are the names of the mechanisms that the stream may use. Bound says
// that one of them binds to the channel.
func (m *sasl) offers(p ext.Pass, c *auth.Channel) (names []string, bound bool) {
	accounts, ok := auth.Accounts.In(p)
	if !ok {
		return nil, false
	}
	strength := make(map[string]int)
	for name, mech := range auth.Mechanisms.All(p) {
		if m.Disabled.Has(name) || (!c.Secured && m.Insecure.Has(name)) || !mech.Offer(accounts, c) {
			continue
		}
		names = append(names, name)
		strength[name] = mech.Strength
		bound = bound || strings.HasSuffix(name, "-PLUS")
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(strength[b], strength[a]), strings.Compare(a, b))
	})
	return names, bound
}
