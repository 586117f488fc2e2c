// SPDX-License-Identifier: Apache-2.0

// Package starttls encrypts client streams (RFC 6120 section 5, RFC 7590).
package starttls

import (
	"context"
	"sync"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/stream"
)

// Module is the STARTTLS module; Prosody calls it tls.
var Module = module.Define("starttls", module.OnHost, options{Required: true}, load).Named("tls")

type options struct {
	Required bool `lua:"c2s_require_encryption,require_encryption" doc:"Refuse clients that do not encrypt."`
}

const ns = "urn:ietf:params:xml:ns:xmpp-tls"

type starttls struct {
	options
	scope *module.Scope
	offer element.Element
	warn  sync.Once
}

func load(s *module.Scope, o options) error {
	b := element.New(ns, "starttls")
	if o.Required {
		b.Open(ns, "required").Close()
	}
	m := &starttls{options: o, scope: s, offer: b.Element()}
	stream.Features.Handle(s, 101, m.feature)
	stream.Nonza.Handle(s, element.Name{Space: ns, Local: "starttls"}, 0, m.starttls)
	return nil
}

// feature offers STARTTLS and, where it is required, nothing else.
func (m *starttls) feature(ctx context.Context, ev *stream.FeaturesEvent) ext.Verdict {
	if ev.Stream.Secured || ev.Stream.Kind() != "c2s" {
		return ext.Next
	}
	cfg, err := m.scope.Env.TLS.Server(m.scope.Host.Name, "c2s")
	if err != nil || cfg == nil {
		m.warn.Do(func() { // once: strangers shall not fill the log
			m.scope.Log.WarnContext(ctx, "no certificate: STARTTLS is not offered", "err", err)
		})
		return ext.Verdict(m.Required)
	}
	ev.Add(m.offer)
	return ext.Verdict(m.Required)
}

func (m *starttls) starttls(_ context.Context, ev *stream.Event) ext.Verdict {
	st := ev.Stream
	cfg, err := m.scope.Env.TLS.Server(m.scope.Host.Name, "c2s")
	if st.Secured || st.User() != "" || err != nil || cfg == nil {
		st.Send(element.New(ns, "failure").Element())
		st.End(nil) // RFC 6120 section 5.4.2.2: the stream is closed
		return ext.Stop
	}
	st.Send(element.New(ns, "proceed").Element())
	st.Then(func(ctx context.Context) error { return st.StartTLS(ctx, cfg) })
	return ext.Stop
}
