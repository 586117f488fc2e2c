// SPDX-License-Identifier: Apache-2.0

// Package admin_adhoc has admins look after accounts, sessions, modules and the
// server from their clients (XEP-0133, version 1.3.1, and Prosody's commands).
package admin_adhoc

import (
	"context"
	"net/netip"

	"tercet/core/form"
	"tercet/core/module"
	"tercet/core/stream"
	"tercet/modules/adhoc"
)

// Module is the module of the commands for admins.
var Module = module.Define("admin_adhoc", module.OnHost, struct{}{}, load).Requiring("adhoc")

const (
	nsAdmin   = "http://jabber.org/protocol/admin" // XEP-0133
	nsConfig  = "http://prosody.im/protocol/config"
	nsModules = "http://prosody.im/protocol/modules"
)

type admin struct{ *module.Scope }

// A work does what a form asks for.
type work func(context.Context, *adhoc.Call, form.Values) (adhoc.Reply, error)

func load(s *module.Scope, _ struct{}) error {
	m := &admin{s}
	m.setAccounts()
	m.setSessions()
	m.setModules()
	m.setServer()
	return nil
}

// set makes a command that asks for nothing.
func (m *admin) set(node, name string, p adhoc.Permission, run adhoc.Run) {
	adhoc.Commands.Set(m.Scope, node, adhoc.Command{Name: name, Permission: p, Run: adhoc.One(adhoc.Later(m.Scope.Scope, run))})
}

// setForm makes a command that has a form filled in.
func (m *admin) setForm(node, name string, p adhoc.Permission, f form.Form, do work) {
	f.Type = nsAdmin
	m.setAsking(node, name, p, adhoc.Fixed(f), do)
}

func (m *admin) setAsking(node, name string, p adhoc.Permission, ask func(context.Context, *adhoc.Call) (form.Form, error), do work) {
	adhoc.Commands.Set(m.Scope, node, adhoc.Command{Name: name, Permission: p, Run: adhoc.Asking(ask,
		func(ctx context.Context, c *adhoc.Call, given form.Values) (adhoc.Reply, error) {
			return adhoc.Later(m.Scope.Scope, func(ctx context.Context, c *adhoc.Call) (adhoc.Reply, error) {
				m.Log.InfoContext(ctx, "command of an admin", "jid", c.From.String(), "node", node)
				return do(context.WithoutCancel(ctx), c, given) // not half of it; this module may be among those that go
			})(ctx, c)
		})})
}

// asking is the stream of the admin, or nil.
func asking(c *adhoc.Call) *stream.Stream {
	if c.Origin == nil {
		return nil
	}
	return c.Origin.Stream()
}

// actor is who changes accounts, for the modules that are told.
func actor(c *adhoc.Call) module.Actor {
	var from netip.Addr
	if st := asking(c); st != nil {
		from = st.Remote.Addr()
	}
	return module.Actor{Source: "adhoc", Remote: from}
}
