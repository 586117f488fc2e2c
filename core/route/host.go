// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"
	"hash/maphash"
	"log/slog"
	"sync/atomic"

	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/lane"
	"tercet/core/session"
	"tercet/core/slot"
	"tercet/core/stanza"
)

// laneCount is the number of lanes of a host. Accounts share them by a hash of
// the localpart, so that an account keeps its lane whether it is online or not.
const laneCount = 1024

// A Host is a domain that we serve: a virtual host with accounts, or a
// component.
type Host struct {
	slot.Set

	JID       jid.JID
	Name      string // the domainpart
	Component bool
	Table     *ext.Table
	Sessions  *session.Registry
	Router    *Router
	Log       *slog.Logger

	seed  maphash.Seed
	lanes []place
}

// NewHost returns a host that the router does not know yet.
func NewHost(r *Router, name jid.JID, component bool, log *slog.Logger) *Host {
	return &Host{
		JID: name, Name: name.Domain(), Component: component, Router: r, Log: log,
		Table: ext.NewTable(), Sessions: session.NewRegistry(),
		seed: maphash.MakeSeed(), lanes: make([]place, laneCount),
	}
}

// Lane is the order of what happens to one account, room or node of the host.
func (h *Host) Lane(local string) *lane.Lane { return &h.place(local).Lane }

func (h *Host) place(local string) *place {
	return &h.lanes[maphash.String(h.seed, local)%laneCount]
}

// Send routes a stanza that a module makes outside of any event.
func (h *Host) Send(ctx context.Context, st *stanza.Stanza) {
	ev := Event{Stanza: st, Host: h}
	ev.dispatch(ctx)
}

// Connected reports whether a session of the account is connected.
func (h *Host) Connected(local string) bool { return len(h.Sessions.Resources(local)) > 0 }

// A Router knows the hosts of the server.
type Router struct {
	Table *ext.Table // the server's own
	Log   *slog.Logger
	hosts atomic.Pointer[map[string]*Host]
}

// NewRouter returns a router without hosts.
func NewRouter(log *slog.Logger) *Router {
	r := &Router{Table: ext.NewTable(), Log: log}
	r.SetHosts(nil)
	return r
}

// SetHosts replaces the hosts, by domainpart.
func (r *Router) SetHosts(hosts map[string]*Host) { r.hosts.Store(&hosts) }

// Host finds a host of ours, or nil.
func (r *Router) Host(domain string) *Host { return (*r.hosts.Load())[domain] }

// Hosts are all hosts, by domainpart; not to be changed.
func (r *Router) Hosts() map[string]*Host { return *r.hosts.Load() }
