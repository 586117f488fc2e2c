// SPDX-License-Identifier: Apache-2.0

// Package store gives modules written for Prosody 0.12 their storage: what
// module:open_store, core.storagemanager and util.datamanager open, over the
// stores of the server. What a native module keeps in a format of its own, Lua
// sees in Prosody's.
package store

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"log/slog"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/storage"
	"tercet/modules/guest/lua/universe"
	"tercet/modules/mam"
	"tercet/modules/roster"
)

// An Opener opens the stores of a host by their names. A module's scope is one.
type Opener interface {
	KeyValue(name string) (storage.KeyValue, error)
	Map(name string) (storage.Map, error)
	Archive(name string) (storage.Archive, error)
}

// Options are what the stores of Lua are made with. All may be left out. The
// functions are called by tasks of the universe, which have its lock, but for
// Stores, which must not need it.
type Options struct {
	// Log takes what an admin should know; nil stands for the universe's.
	Log *slog.Logger
	// Opened is called with each store that Lua opens, and may return another
	// in its place: Prosody's event store-opened.
	Opened func(l *lua.LState, host, name, typ string, store *lua.LTable) *lua.LTable
	// Roster returns the rosters of a host; nil where the module is not loaded.
	// What it returns may enter the universe.
	Roster func(host string) roster.Contacts
	// Prefs changes the archive preferences of a host's accounts; nil where the
	// archive is not loaded.
	Prefs func(host string) mam.Keeper
	// Native reports whether a native module is loaded on a host: what it keeps
	// in memory, Lua must not change behind its back. Nil stands for all are.
	Native func(host, module string) bool
	// Await takes what an archive writes to someone who waits until it is safe;
	// false, as nil, says that nobody does, and append waits.
	Await func(storage.Commit) bool
	// Purge removes all that a user has stored on a host; nil: Lua cannot.
	Purge func(ctx context.Context, host, user string) error
	// Stores lists the stores of all hosts; nil: Lua knows those that it has
	// opened itself.
	Stores func(ctx context.Context) ([]storage.StoreInfo, error)
	// Data is the folder in which datamanager.getpath has files.
	Data string
	// Quota is how many entries a user may have in an archive; 0 is no limit.
	Quota int
}

// Stores are the stores of one universe. All but New is called by tasks of it.
type Stores struct {
	Options
	u    *universe.Universe
	open func(host string) (Opener, error)
	seed maphash.Seed
	held [64]sync.Mutex // each held while some tables are read and written again

	// What follows is guarded by the universe's lock.
	tables    map[storeName]*keyed
	archives  map[storeName]*archive
	callbacks []*lua.LFunction
	remove    *lua.LTable
	told      map[storeName]time.Time // when an error was logged last
}

type storeName struct{ host, name string }

// New makes the stores of a universe. Open returns what opens the stores of a
// host, or why it has none.
func New(u *universe.Universe, open func(host string) (Opener, error), o Options) *Stores {
	if o.Log == nil {
		o.Log = u.Log()
	}
	return &Stores{
		Options: o, u: u, open: open, seed: maphash.MakeSeed(),
		tables: map[storeName]*keyed{}, archives: map[storeName]*archive{}, told: map[storeName]time.Time{},
	}
}

// Forget has all stores opened anew when Lua calls them next, those that it
// holds too: after the config has changed, another driver may have them.
func (s *Stores) Forget() {
	clear(s.tables)
	clear(s.archives)
}

// patience is how long one operation may take.
const patience = 10 * time.Second

// ErrNoHost is what an open function returns where there is no such host.
var ErrNoHost = errors.New("no such host")

// Errors that Lua sees, in Prosody's words where it has some.
var (
	errNotFound     = errors.New("item-not-found")
	errQuota        = errors.New("quota-limit")
	errUnsupported  = errors.New("not-supported")
	errDatatype     = errors.New("unsupported-datatype")
	errKind         = errors.New("unsupported-store")
	errNotString    = errors.New("the key must be a string that is not empty")
	errReadOnly     = errors.New("not-supported: the server keeps this store and only shows it")
	errNativeLoaded = errors.New("not-supported: a module of the server keeps this store in memory")
)

// said returns what Lua is told of an error, and whether an admin is, too.
func said(err error) (text string, log bool) {
	for _, e := range [...]error{
		errNotFound, errQuota, errUnsupported, errDatatype, errKind, errNotString, errReadOnly, errNativeLoaded, errTooLarge, errTooDeep, storage.ErrTooLarge, ErrNoHost,
	} {
		if errors.Is(err, e) {
			return e.Error(), false
		}
	}
	for _, e := range [...]error{storage.ErrFull, storage.ErrUnavailable, errForeign, errCorrupt} {
		if errors.Is(err, e) {
			return e.Error(), true
		}
	}
	if errors.Is(err, storage.ErrNotFound) {
		return errNotFound.Error(), false
	}
	return "internal-server-error", true
}

// tellEvery is how often errors of one store are logged.
const tellEvery = time.Minute

// tell returns what Lua is told of an error. What the admin should know is
// logged.
func (s *Stores) tell(n storeName, err error) string {
	text, log := said(err)
	if now := time.Now(); log && now.Sub(s.told[n]) >= tellEvery {
		s.told[n] = now
		s.Log.Error("store of a Lua module failed", "host", n.host, "store", n.name, "err", err)
	}
	return text
}

// A shelf is a store as Prosody has it: one table for each user, as encode
// writes it. Its methods do not touch Lua.
type shelf interface {
	// get returns nil if there is no table.
	get(ctx context.Context, user string) ([]byte, error)
	// set stores a table; nil deletes it.
	set(ctx context.Context, user string, table []byte) error
	users(ctx context.Context) iter.Seq2[string, error]
	// pick returns the value under a key, or nil.
	pick(ctx context.Context, user string, key []byte) ([]byte, error)
	// change makes changes, which are in the order of their keys, or none.
	change(ctx context.Context, user string, changes []pair) error
	// enters reports whether the methods may enter the universe.
	enters() bool
	// writable returns why Lua cannot change what a user, or everybody, has in
	// the store. It is called by the task, with the universe's lock.
	writable(user string) error
}

// tables is a shelf of Lua's own.
type tables struct {
	s    *Stores
	name storeName
	kv   storage.KeyValue
}

func (t *tables) get(ctx context.Context, user string) ([]byte, error) {
	b, err := t.kv.Get(ctx, user)
	if err == nil && b != nil {
		_, err = content(b)
	}
	return b, err
}

// set looks at what is there: a native module that keeps its data under the
// same name must not lose it.
func (t *tables) set(ctx context.Context, user string, table []byte) error {
	defer t.s.hold(t.name, user)()
	if _, err := t.get(ctx, user); err != nil {
		return err
	}
	return t.kv.Set(ctx, user, table)
}

func (t *tables) users(ctx context.Context) iter.Seq2[string, error] { return t.kv.Owners(ctx) }

func (t *tables) pick(ctx context.Context, user string, key []byte) ([]byte, error) {
	b, err := t.kv.Get(ctx, user)
	if err != nil || b == nil {
		return nil, err
	}
	return find(b, key)
}

func (t *tables) change(ctx context.Context, user string, changes []pair) error {
	defer t.s.hold(t.name, user)()
	b, err := t.kv.Get(ctx, user)
	if err != nil {
		return err
	}
	after, err := merge(b, changes)
	if err != nil || b == nil && after == nil {
		return err
	}
	return t.kv.Set(ctx, user, after)
}

func (t *tables) enters() bool { return false }

func (t *tables) writable(string) error { return nil }

// hold has the table of a user to itself until release is called. Nothing that
// may enter the universe runs meanwhile.
func (s *Stores) hold(n storeName, user string) (release func()) {
	var h maphash.Hash
	h.SetSeed(s.seed)
	for _, part := range [...]string{n.host, n.name, user} {
		_, _ = h.WriteString(part) // never fails
		_ = h.WriteByte(0)
	}
	mu := &s.held[h.Sum64()%uint64(len(s.held))]
	mu.Lock()
	return mu.Unlock
}

// keyed returns the tables of a store.
func (s *Stores) keyed(n storeName) (*keyed, error) {
	if k := s.tables[n]; k != nil {
		return k, nil
	}
	o, err := s.opener(n.host)
	if err != nil {
		return nil, err
	}
	sh, err := s.view(n, o)
	if err == nil && sh == nil {
		var kv storage.KeyValue
		if kv, err = o.KeyValue(n.name); err == nil {
			sh = &tables{s, n, kv}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open store %s of %s: %w", n.name, n.host, err)
	}
	k := &keyed{s, n, sh}
	s.tables[n] = k
	return k, nil
}

func (s *Stores) opener(host string) (Opener, error) {
	o, err := s.open(host)
	if err != nil {
		return nil, fmt.Errorf("open the stores of %s: %w", host, err)
	}
	return o, nil
}

// away calls fn outside of Lua. Where it may enter the universe, the lock goes
// with it; else the lock is another's meanwhile, if the task may wait.
func (s *Stores) away(enters bool, fn func(ctx context.Context) error) (err error) {
	limited := func(ctx context.Context) {
		// A session that ends has things to store yet.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		err = fn(ctx)
	}
	if enters {
		s.u.Out(limited)
	} else {
		s.u.Block(limited)
	}
	return err
}

// Open opens a store of a host for Lua, by its name and Prosody's type:
// "keyval", which "" stands for, "map", "keyval+", or "archive". The error says
// in words for Lua why it cannot be.
func (s *Stores) Open(l *lua.LState, host, name, typ string) (*lua.LTable, error) {
	n := storeName{host, name}
	var t *lua.LTable
	var err error
	switch typ {
	case "", "keyval", "map", "keyval+":
		if _, err = s.keyed(n); err == nil {
			t = s.tableStore(l, n, typ)
		}
	case "archive":
		if _, err = s.archive(n); err == nil {
			t = s.archiveStore(l, n)
		}
	default:
		err = errKind
	}
	if err != nil {
		return nil, errors.New(s.tell(n, err))
	}
	t.RawSetString("store", lua.LString(name))
	if typ != "" {
		t.RawSetString("type", lua.LString(typ))
	}
	if s.Opened != nil {
		if other := s.Opened(l, host, name, typ, t); other != nil {
			t = other
		}
	}
	return t, nil
}
