// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"
	"math"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/ext"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/stanza"
	"tercet/modules/mam"
	"tercet/modules/smacks"
)

// hibernations are the events of messages that have not reached a client, by
// Prosody's names.
func hibernations() map[string]attach {
	return map[string]attach{
		"smacks-hibernation-start": told(smacks.HibernationStart, sleeps, watched),
		"smacks-ack-delayed": told(smacks.AckDelayed, func(l *lua.LState, srv *Server, ev *smacks.HibernationEvent) *lua.LTable {
			return srv.unacknowledged(l, ev.Session, ev.Queue)
		}, watched),
		"smacks-hibernation-stanza-queued": told(smacks.HibernationQueued, func(l *lua.LState, srv *Server, ev *smacks.QueuedEvent) *lua.LTable {
			t := srv.sessionTable(l, ev.Session)
			return fields(l, "origin", t, "stanza", srv.clientOf(t).keep(l, ev.Stanza))
		}, watched),
		"smacks-hibernation-end": func(o ext.Owner, h *handler) {
			h.told = true
			smacks.HibernationEnd.Handle(o, h.prio, func(ctx context.Context, ev *smacks.HibernationEvent) ext.Verdict {
				if !ev.Resumed { // in Prosody, only its resource-unbind tells of that
					return ext.Next
				}
				return onEvent(ctx, h, ev, wakes, watched)
			})
		},
		"delivery/failure": about(smacks.DeliveryFailed, func(ev *smacks.FailureEvent) *route.Event { return ev.Event },
			func(l *lua.LState, srv *Server, ev *smacks.FailureEvent, data *lua.LTable) {
				data.RawSetString("session", srv.sessionTable(l, ev.Session))
			}),
		"archive-message-added": about(mam.Stored, func(ev *mam.StoredEvent) *route.Event { return ev.Event },
			func(_ *lua.LState, _ *Server, ev *mam.StoredEvent, data *lua.LTable) {
				data.RawSetString("for_user", lua.LString(ev.Account.Local()))
				data.RawSetString("id", lua.LString(ev.ID))
			}),
	}
}

// A sleep is what Lua knows of a session without a connection.
type sleep struct {
	event    *smacks.HibernationEvent // nil: there was none
	watchdog lua.LValue               // session.hibernating_watchdog
	kept     map[*stanza.Stanza]*lua.LTable
}

func sleeps(l *lua.LState, srv *Server, ev *smacks.HibernationEvent) *lua.LTable {
	c := srv.clientOf(srv.sessionTable(l, ev.Session))
	if was := c.sleep.event; was == nil || !was.Since.Equal(ev.Since) { // else another handler was told
		c.sleep.event = &smacks.HibernationEvent{Session: ev.Session, Since: ev.Since, Limit: ev.Limit}
		c.sleep.watchdog = c.newWatchdog(l)
	}
	return srv.unacknowledged(l, ev.Session, ev.Queue)
}

func wakes(l *lua.LState, srv *Server, ev *smacks.HibernationEvent) *lua.LTable {
	t := srv.unacknowledged(l, ev.Session, ev.Queue)
	t.RawSetString("resumed", t.RawGetString("origin"))
	return t
}

// unacknowledged is an event about what a session has not acknowledged. The
// stanzas are made if a module looks at them.
func (srv *Server) unacknowledged(l *lua.LState, s *session.Session, queue []*stanza.Stanza) *lua.LTable {
	origin := srv.sessionTable(l, s)
	srv.clientOf(origin).forget(queue)
	data, mt := fields(l, "origin", origin), l.CreateTable(0, 1)
	mt.RawSetString("__index", l.NewFunction(func(l *lua.LState) int {
		if l.Get(2) != lua.LString("queue") {
			l.Push(lua.LNil)
			return 1
		}
		list := srv.clientOf(origin).list(l, queue)
		data.RawSetString("queue", list)
		l.Push(list)
		return 1
	}))
	data.Metatable = mt
	return data
}

// list is a queue for Lua.
func (c *client) list(l *lua.LState, queue []*stanza.Stanza) *lua.LTable {
	all := l.CreateTable(len(queue), 0)
	for _, st := range queue {
		all.Append(c.keep(l, st))
	}
	return all
}

// forget drops what has been acknowledged.
func (c *client) forget(queue []*stanza.Stanza) {
	kept := c.sleep.kept
	c.sleep.kept = nil
	for _, st := range queue {
		if t := kept[st]; t != nil {
			if c.sleep.kept == nil {
				c.sleep.kept = make(map[*stanza.Stanza]*lua.LTable)
			}
			c.sleep.kept[st] = t
		}
	}
}

// keep is the object of a stanza that is not acknowledged: the same one in each
// event, for modules note on it what they have done about it.
func (c *client) keep(l *lua.LState, st *stanza.Stanza) *lua.LTable {
	t := c.sleep.kept[st]
	if t == nil {
		t = c.srv.stanzas.Object(l, st.Element())
		if c.sleep.kept == nil {
			c.sleep.kept = make(map[*stanza.Stanza]*lua.LTable)
		}
		c.sleep.kept[st] = t
	}
	return t
}

// asleep reports whether the session waits for a connection, as far as modules
// were told.
func (c *client) asleep() bool {
	return c.sleep.event != nil && c.session.Stream() == nil && !c.session.Ended()
}

// newWatchdog makes an object as util.watchdog's, which ends the session when
// its time is over. In the end that is for the server to do: what takes the
// watchdog's place says when (see watch).
func (c *client) newWatchdog(l *lua.LState) *lua.LTable {
	ev := c.sleep.event
	wait := func(d time.Duration) *lua.LFunction {
		return l.NewFunction(func(*lua.LState) int { ev.Wait(d); return 0 })
	}
	t := fields(l, "callback", wait(0), "reset", wait(ev.Limit), "cancel", l.NewFunction(func(*lua.LState) int { return 0 }))
	t.RawSetString("timeout", lua.LNumber(ev.Limit.Seconds()))
	t.RawSetString("last_reset", lua.LNumber(ev.Since.Unix()))
	return t
}

// watch puts another watchdog in the place of the session's: it waits for as
// long as that one's timeout.
func (c *client) watch(v lua.LValue) {
	if !c.asleep() {
		return
	}
	c.sleep.watchdog = v
	if t, ok := v.(*lua.LTable); ok {
		if n, ok := t.RawGetString("timeout").(lua.LNumber); ok && n >= 0 {
			c.sleep.event.Wait(time.Duration(math.Min(float64(n), maxSleep.Seconds()) * float64(time.Second)))
		}
	}
}

// maxSleep is the longest time that a module gives a session.
const maxSleep = 365 * 24 * time.Hour
