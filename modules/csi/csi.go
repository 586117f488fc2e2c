// SPDX-License-Identifier: Apache-2.0

// Package csi takes a client's word that nobody looks at it (XEP-0352, version
// 1.0.0). What follows from that is for others, such as csi_simple.
package csi

import (
	"context"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/guest"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/stream"
)

// Module is the client state indication module.
var Module = module.Define("csi", module.OnHost, struct{}{}, load)

// Hooks that tell of a client's state.
var (
	Active   = ext.NewHook[StateEvent]("csi-client-active")
	Inactive = ext.NewHook[StateEvent]("csi-client-inactive")
)

var (
	_ = guest.Expose(Active, guest.JSON(view), "Somebody looks at the client.")
	_ = guest.Expose(Inactive, guest.JSON(view), "Nobody looks at the client.")
)

// seen is what guests see of a StateEvent.
type seen struct {
	JID string `json:"jid"`
}

func view(ev *StateEvent) seen { return seen{ev.Session.JID.String()} }

// A StateEvent is a client that has become active or inactive.
type StateEvent struct {
	Session *session.Session
	Stream  *stream.Stream
	Pass    ext.Pass
}

const ns = "urn:xmpp:csi:0"

func load(s *module.Scope, _ struct{}) error {
	feature := element.New(ns, "csi").Element()
	stream.Features.Handle(s, -4, func(_ context.Context, ev *stream.FeaturesEvent) ext.Verdict {
		if ev.Stream.User() != "" {
			ev.Add(feature)
		}
		return ext.Next
	})
	for local, hook := range map[string]ext.Hook[StateEvent]{"active": Active, "inactive": Inactive} {
		stream.Nonza.Handle(s, element.Name{Space: ns, Local: local}, 0, func(ctx context.Context, ev *stream.Event) ext.Verdict {
			if to := route.SessionOf(ev.Stream); to != nil { // else it means nothing yet
				hook.Fire(ctx, ev.Pass, &StateEvent{to, ev.Stream, ev.Pass})
			}
			return ext.Stop
		})
	}
	return nil
}
