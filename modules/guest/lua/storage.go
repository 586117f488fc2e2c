// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"tercet/config"
	"tercet/core/module"
	"tercet/core/storage"
	"tercet/modules/guest/lua/store"
	"tercet/modules/mam"
	"tercet/modules/roster"
)

// opener opens the stores of a host where the config in force has them or,
// while a module is being loaded, the config that it is loaded from.
func (srv *Server) opener(name string) (store.Opener, error) {
	if h := srv.hosts[name]; h == nil || !h.served {
		return nil, store.ErrNoHost
	}
	c := srv.config()
	if srv.staged != nil {
		c = srv.staged
	}
	return &opener{srv.env.Storage, c, name}, nil
}

type opener struct {
	stores *module.Stores
	config *config.Config
	host   string
}

func (o *opener) KeyValue(name string) (storage.KeyValue, error) {
	return open(o, name, storage.Driver.KeyValue)
}

func (o *opener) Map(name string) (storage.Map, error) { return open(o, name, storage.Driver.Map) }

func (o *opener) Archive(name string) (storage.Archive, error) {
	return open(o, name, storage.Driver.Archive)
}

func open[T any](o *opener, name string, of func(d storage.Driver, host, name string) (T, error)) (opened T, err error) {
	d, err := o.stores.Driver(o.config, o.host, name)
	if err != nil {
		return opened, err
	}
	return of(d, o.host, name)
}

func (srv *Server) storeOptions() store.Options {
	return store.Options{
		Opened: srv.storeOpened,
		Roster: func(host string) roster.Contacts {
			if h := srv.hosts[host]; h != nil {
				return contactsOf(h.route)
			}
			return nil
		},
		Prefs: srv.prefs,
		Native: func(host, module string) bool {
			return srv.instances[instanceKey{host, module}] == nil && srv.loaded(host, module)
		},
		Await: srv.await,
		Purge: srv.env.Storage.Purge,
		Stores: func(ctx context.Context) (all []storage.StoreInfo, err error) {
			for _, d := range srv.env.Storage.All() {
				some, err := d.Stores(ctx)
				if err != nil {
					return nil, err
				}
				all = append(all, some...)
			}
			return all, nil
		},
		Data: srv.env.DataDir,
	}
}

// prefs are the archive preferences of a host, nil where the archive is not
// loaded, or is one in Lua.
func (srv *Server) prefs(host string) mam.Keeper {
	h := srv.hosts[host]
	if h == nil {
		return nil
	}
	p := h.route.Table.Enter()
	defer p.Leave()
	k, _ := mam.Preferences.In(p)
	return k
}

// spare has an account's table not keep what the server's archive may change
// behind it: modules then ask the store.
func (srv *Server) spare(l *lua.LState, t *lua.LTable, host string) {
	mt := l.CreateTable(0, 1)
	mt.RawSetString("__newindex", l.NewFunction(func(l *lua.LState) int {
		if l.Get(2) != lua.LString("archive_prefs") || srv.prefs(host) == nil {
			t.RawSet(l.Get(2), l.Get(3))
		}
		return 0
	}))
	t.Metatable = mt
}

// storeOpened fires store-opened, whose handlers may put another store in the
// place of this.
func (srv *Server) storeOpened(l *lua.LState, host, name, kind string, opened *lua.LTable) *lua.LTable {
	h := srv.hosts[host]
	if h == nil {
		return opened
	}
	data := fields(l, "host", host, "store_name", name, "store_type", kind, "store", opened)
	h.events.Fire(l, lua.LString("store-opened"), data)
	if t, ok := data.RawGetString("store").(*lua.LTable); ok {
		return t
	}
	return opened
}

// await has the acknowledgement of the stanza that is being handled wait until
// what an archive has taken is safe. Nobody waits for anything else.
func (srv *Server) await(c storage.Commit) bool {
	if srv.event != nil {
		srv.event.Await(c)
		return true
	}
	c.Then(func(err error) {
		if err != nil {
			srv.env.Log.Error("what a module in Lua has archived is lost", "err", err)
		}
	})
	return true
}
