// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"
	"errors"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/auth"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/modules/guest/lua/universe"
	"tercet/modules/roster"
)

func (srv *Server) task(name string) *universe.Task {
	return &universe.Task{Name: name, Limit: loadLimit, Waits: true}
}

// accountsOf are the accounts of a host; false where nobody provides any.
func (srv *Server) accountsOf(l *lua.LState, host string) (*module.Accounts, bool) {
	h := srv.hostOf(l, host)
	if h == nil {
		return nil, false
	}
	a, err := srv.env.Accounts(h.route)
	return a, err == nil
}

// outcome pushes true, or nil and Prosody's words for an error.
func outcome(l *lua.LState, err error) int {
	if err == nil {
		l.Push(lua.LTrue)
		return 1
	}
	words := err.Error()
	switch {
	case errors.Is(err, auth.ErrNoAccount):
		words = "item-not-found"
	case errors.Is(err, auth.ErrExists):
		words = "conflict"
	case errors.Is(err, auth.ErrNotSupported):
		words = "method not implemented"
	}
	l.Push(lua.LNil)
	l.Push(lua.LString(words))
	return 2
}

// on is a function of Lua about an account: (user, host, ...).
func (srv *Server) on(l *lua.LState, fn func(ctx context.Context, a *module.Accounts, user string) error) int {
	a, ok := srv.accountsOf(l, l.CheckString(2))
	user, err := jid.PrepLocal(l.CheckString(1))
	if !ok || err != nil {
		return outcome(l, auth.ErrNoAccount)
	}
	srv.u.Out(func(ctx context.Context) { err = fn(ctx, a, user) })
	return outcome(l, err)
}

// accountNatives are about accounts and rosters.
func (srv *Server) accountNatives() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"user_exists": func(l *lua.LState) int {
			return srv.on(l, func(ctx context.Context, a *module.Accounts, user string) error {
				ok, err := a.Exists(ctx, user)
				if err == nil && !ok {
					err = auth.ErrNoAccount
				}
				return err
			})
		},
		"test_password": func(l *lua.LState) int {
			password := l.CheckString(3)
			return srv.on(l, func(ctx context.Context, a *module.Accounts, user string) error {
				ok, err := a.Check(ctx, user, password)
				if err == nil && !ok {
					err = errors.New("not-authorized")
				}
				return err
			})
		},
		"create_user": func(l *lua.LState) int { // (user, host, password, source)
			password := l.CheckString(3)
			return srv.on(l, func(ctx context.Context, a *module.Accounts, user string) error {
				return a.Create(ctx, user, password) // the module fires user-registered itself
			})
		},
		"set_password": func(l *lua.LState) int {
			password := l.CheckString(3)
			return srv.on(l, func(ctx context.Context, a *module.Accounts, user string) error {
				return a.ChangePassword(ctx, user, password, module.Actor{Source: "lua"}, nil)
			})
		},
		"delete_user": func(l *lua.LState) int {
			return srv.on(l, func(ctx context.Context, a *module.Accounts, user string) error {
				return a.Remove(ctx, user, module.Actor{Source: "lua"}, nil)
			})
		},
		"users":       srv.accountNames,
		"admins":      srv.admins,
		"roster":      srv.roster,
		"roster_edit": srv.rosterEdit,
		"roster_step": srv.rosterStep,
		"roster_push": srv.rosterPush,
	}
}

// accountNames is (host) -> list of localparts.
func (srv *Server) accountNames(l *lua.LState) int {
	t := l.CreateTable(0, 0)
	l.Push(t)
	a, ok := srv.accountsOf(l, l.CheckString(1))
	if !ok {
		return 1
	}
	var names []string
	var failed error
	srv.u.Block(func(ctx context.Context) {
		for name, err := range a.Users(ctx) {
			if failed = err; err != nil {
				return
			}
			names = append(names, name)
		}
	})
	if failed != nil {
		l.RaiseError("accounts of %s: %s", l.CheckString(1), failed.Error())
	}
	for _, name := range names {
		t.Append(lua.LString(name))
	}
	return 1
}

// admins is (host or nil) -> list of bare JIDs.
func (srv *Server) admins(l *lua.LState) int {
	host := l.OptString(1, "")
	t := l.CreateTable(0, 4)
	for _, at := range [...]string{"", host} {
		if s := srv.config().Section(at); s != nil {
			for _, v := range s.Options["admins"].List() {
				if j, err := jid.Parse(v.Str()); err == nil {
					t.RawSetString(j.Bare().String(), lua.LTrue)
				}
			}
		}
	}
	l.Push(t)
	return 1
}

// contactsOf are the rosters of a host, nil where it has none.
func contactsOf(r *route.Host) roster.Contacts {
	p := r.Table.Enter()
	defer p.Leave()
	c, _ := roster.Service.In(p)
	return c
}

// roster is (user, host) -> a table as Prosody has it, or nil and why not.
func (srv *Server) roster(l *lua.LState) int {
	h := srv.hostOf(l, l.CheckString(2))
	if h == nil || contactsOf(h.route) == nil {
		return outcome(l, auth.ErrNoAccount)
	}
	user := l.CheckString(1)
	var r *roster.Roster
	var err error
	srv.u.Out(func(ctx context.Context) { r, err = contactsOf(h.route).Roster(ctx, user) })
	if err != nil {
		return outcome(l, err)
	}
	l.Push(rosterTable(l, r.Items, r.Version))
	return 1
}

// rosterTable is a roster as Prosody has it.
func rosterTable(l *lua.LState, items map[jid.JID]roster.Item, version string) *lua.LTable {
	t, pending := l.CreateTable(0, len(items)+1), l.CreateTable(0, 0)
	for j, item := range items {
		if item.Pending != nil {
			pending.RawSetString(j.String(), lua.LTrue)
		}
		if !item.Hidden {
			t.RawSetString(j.String(), rosterItem(l, item))
		}
	}
	meta := fields(l, "pending", pending)
	meta.RawSetString("version", lua.LString(version))
	t.RawSet(lua.LFalse, meta)
	return t
}

func rosterItem(l *lua.LState, item roster.Item) *lua.LTable {
	groups := l.CreateTable(0, len(item.Groups))
	for _, g := range item.Groups {
		groups.RawSetString(g, lua.LTrue)
	}
	t := fields(l, "subscription", item.Subscription(), "groups", groups)
	if item.Name != "" {
		t.RawSetString("name", lua.LString(item.Name))
	}
	if item.Ask {
		t.RawSetString("ask", lua.LString("subscribe"))
	}
	if item.Approved {
		t.RawSetString("approved", lua.LTrue)
	}
	return t
}

func itemOf(contact jid.JID, t *lua.LTable) roster.Item {
	item := roster.Item{JID: contact}
	if name, ok := t.RawGetString("name").(lua.LString); ok {
		item.Name = string(name)
	}
	if groups, ok := t.RawGetString("groups").(*lua.LTable); ok {
		for k, v := groups.Next(lua.LNil); k != lua.LNil; k, v = groups.Next(k) {
			if name, ok := k.(lua.LString); ok && lua.LVAsBool(v) {
				item.Groups = append(item.Groups, string(name))
			}
		}
	}
	s, _ := t.RawGetString("subscription").(lua.LString)
	item.To, item.From = s == "to" || s == "both", s == "from" || s == "both"
	item.Ask = lua.LVAsBool(t.RawGetString("ask"))
	item.Approved = lua.LVAsBool(t.RawGetString("approved"))
	return item
}

// moduleNatives are about modules.
func (srv *Server) moduleNatives() map[string]lua.LGFunction {
	change := func(verb string, fn func(ctx context.Context, host, name string) error) lua.LGFunction {
		return func(l *lua.LState) int { // (host, name)
			host, name := l.CheckString(1), l.CheckString(2)
			if host == "*" {
				host = ""
			}
			by := srv.u.Running()
			do := func(ctx context.Context) error {
				err := fn(ctx, host, name)
				log := srv.env.Log.With("by", by, "change", verb, "name", name, "host", host)
				if err != nil {
					log.ErrorContext(ctx, "a module asked for a change of modules in vain", "err", err)
				} else {
					log.InfoContext(ctx, "a module asked for a change of modules")
				}
				return err
			}
			// The manager may be at a change that waits for Lua's lock.
			var err error
			switch {
			case srv.staging > 0:
				err = errors.New("not while a module is being loaded: name it in modules_enabled, or in module:depends(\"" + name + "\") as it stands")
			case srv.u.MayWait():
				srv.u.Block(func(ctx context.Context) { err = do(ctx) })
			default:
				srv.u.Go(context.Background(), srv.task("change of mod_"+name), func(*lua.LState) {
					srv.u.Block(func(ctx context.Context) { _ = do(ctx) }) // it is logged
				})
			}
			return outcome(l, err)
		}
	}
	return map[string]lua.LGFunction{
		"module_load":   change("load", srv.env.Manager.Load),
		"module_unload": change("unload", srv.env.Manager.Unload),
		"module_reload": change("reload", srv.env.Manager.Reload),
		"module_loaded": func(l *lua.LState) int {
			_, inLua := srv.instances[instanceKey{l.CheckString(1), l.CheckString(2)}]
			l.Push(lua.LBool(inLua || srv.loaded(l.CheckString(1), l.CheckString(2))))
			return 1
		},
		"module_api": func(l *lua.LState) int { // (host, name) -> the module object of one in Lua
			if inst := srv.instances[instanceKey{l.CheckString(1), l.CheckString(2)}]; inst != nil && inst.api != nil {
				l.Push(inst.api)
				return 1
			}
			l.Push(lua.LNil)
			return 1
		},
	}
}
