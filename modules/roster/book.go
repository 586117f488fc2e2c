// SPDX-License-Identifier: Apache-2.0

package roster

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tercet/core/cache"
	"tercet/core/jid"
	"tercet/core/route"
	"tercet/core/storage"
)

// rostersKept is how many accounts' rosters are kept in memory.
const rostersKept = 50_000

// Keys in the store that are no contact: no JID has a space in its first
// place.
const (
	keyVersion = " version"
	keyOwed    = " owed"
)

// A book has the rosters of a host.
type book struct {
	once  sync.Once
	host  *route.Host
	store storage.Map
	cache *cache.Cache[*record]
	age   atomic.Uint64 // of what Load has put into the rosters
}

// A record is an account's roster. It is replaced, never changed.
type record struct {
	own     *Roster // as it is stored
	all     *Roster // with what the handlers of Load have put in
	owed    map[string][]string
	version uint64
	hidden  int // items of own that are
	age     uint64
}

// stored is how an item lies in the store.
type stored struct {
	Name     string   `json:"name,omitempty"`
	Groups   []string `json:"groups,omitempty"`
	To       bool     `json:"to,omitempty"`
	From     bool     `json:"from,omitempty"`
	Ask      bool     `json:"ask,omitempty"`
	Approved bool     `json:"approved,omitempty"`
	Pending  string   `json:"pending,omitempty"`
	Hidden   bool     `json:"hidden,omitempty"`
}

func (b *book) open(h *route.Host, store storage.Map) {
	b.once.Do(func() {
		b.host, b.store = h, store
		b.cache = cache.New(rostersKept, b.load)
	})
}

func (b *book) load(ctx context.Context, user string) (*record, error) {
	r := &record{own: &Roster{Items: make(map[jid.JID]Item)}}
	for pair, err := range b.store.All(ctx, user) {
		if err != nil {
			return nil, err
		}
		switch pair.Key {
		case keyVersion:
			r.version, err = strconv.ParseUint(string(pair.Value), 36, 64)
		case keyOwed:
			err = json.Unmarshal(pair.Value, &r.owed)
		default:
			var i Item
			if i, err = read(pair); err == nil {
				r.own.Items[i.JID] = i
				r.hidden += count(i.Hidden)
			}
		}
		if err != nil { // the rest of the roster is of use
			b.host.Log.ErrorContext(ctx, "roster entry not readable", "user", user, "id", pair.Key, "err", err)
		}
	}
	r.own.Version = strconv.FormatUint(r.version, 36)
	return b.merge(ctx, user, r), nil
}

func read(pair storage.Pair) (Item, error) {
	var s stored
	if err := json.Unmarshal(pair.Value, &s); err != nil {
		return Item{}, err
	}
	j, err := jid.Parse(pair.Key)
	if err != nil {
		return Item{}, err
	}
	i := Item{JID: j, Name: s.Name, Groups: s.Groups, To: s.To, From: s.From, Ask: s.Ask, Approved: s.Approved, Hidden: s.Hidden}
	if s.Pending != "" {
		i.Pending = []byte(s.Pending)
	}
	return i, nil
}

func (i Item) encode() ([]byte, error) {
	return json.Marshal(stored{i.Name, i.Groups, i.To, i.From, i.Ask, i.Approved, string(i.Pending), i.Hidden})
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// merge fires Load on a copy of what is stored.
func (b *book) merge(ctx context.Context, user string, r *record) *record {
	r.age, r.all = b.age.Load(), r.own
	p := b.host.Table.Enter()
	defer p.Leave()
	if !Load.Has(p) {
		return r
	}
	ev := LoadEvent{user, b.host.Name, maps.Clone(r.own.Items), p}
	Load.Fire(ctx, p, &ev)
	var other []Item
	for j, i := range ev.Items {
		if i.Shared {
			i.JID = j
			other = append(other, i)
		}
	}
	if len(other) > 0 {
		r.all = &Roster{Version: r.own.Version + "-" + digest(other), Items: ev.Items}
	}
	return r
}

// digest stands in the version for what is not stored.
func digest(items []Item) string {
	slices.SortFunc(items, func(a, b Item) int {
		if a.JID.String() < b.JID.String() {
			return -1
		}
		return 1
	})
	h := sha256.New()
	for _, i := range items {
		slices.Sort(i.Groups)
		fmt.Fprintf(h, "%q %q %q %s\n", i.JID.String(), i.Name, i.Groups, i.Subscription())
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:6])
}

// get returns the account's record.
func (b *book) get(ctx context.Context, user string) (*record, error) {
	r, err := b.cache.Get(ctx, user)
	if err != nil || r.age == b.age.Load() {
		return r, err
	}
	return b.with(ctx, user, func(*record) {})
}

// with runs fn with the roster held still: pushes stand in order with what fn
// delivers.
func (b *book) with(ctx context.Context, user string, fn func(*record)) (*record, error) {
	return b.cache.Edit(ctx, user, func(r *record) (*record, error) {
		r = b.renew(ctx, user, r)
		fn(r)
		return r, nil
	})
}

// renew has Load fired again if its handlers are others by now, and pushes
// what differs. The roster is held.
func (b *book) renew(ctx context.Context, user string, r *record) *record {
	if r.age == b.age.Load() {
		return r
	}
	next := *r
	b.merge(ctx, user, &next)
	if next.all.Version == r.all.Version {
		return &next
	}
	for j, i := range next.all.Items {
		if old, ok := r.all.Items[j]; !ok || !reflect.DeepEqual(old, i) {
			b.push(user, next.all.Version, i, !i.Hidden)
		}
	}
	for j, i := range r.all.Items {
		if _, ok := next.all.Items[j]; !ok {
			b.push(user, next.all.Version, i, false)
		}
	}
	return &next
}

// Refresh fires Load again for each roster, at once where a client waits for
// pushes.
func (b *book) Refresh(ctx context.Context) {
	b.age.Add(1)
	for s := range b.host.Sessions.All() {
		if !Interested(s) {
			continue
		}
		if _, err := b.get(ctx, s.JID.Local()); err != nil {
			b.host.Log.ErrorContext(ctx, "roster not refreshed", "jid", s.JID.String(), "err", err)
		}
	}
}

// put stores one item and what is owed, and returns the record with it. The
// roster is held.
func (b *book) put(ctx context.Context, user string, r *record, i Item, keep, visible bool, owed map[string][]string) (*record, error) {
	next := *r
	next.own = &Roster{Version: r.own.Version, Items: maps.Clone(r.own.Items)}
	changes := make(map[string][]byte, 3)
	next.hidden -= count(r.own.Items[i.JID].Hidden)
	if keep {
		value, err := i.encode()
		if err != nil {
			return nil, err
		}
		changes[i.JID.String()] = value
		next.own.Items[i.JID] = i
		next.hidden += count(i.Hidden)
	} else {
		changes[i.JID.String()] = nil
		delete(next.own.Items, i.JID)
	}
	if visible {
		// Time keeps the versions of an account apart from those of one of
		// the same name that was there before.
		next.version = max(r.version+1, uint64(time.Now().UnixMicro())) //nolint:gosec // after 1970
		next.own.Version = strconv.FormatUint(next.version, 36)
		changes[keyVersion] = []byte(next.own.Version)
	}
	if err := encodeOwed(changes, r.owed, owed); err != nil {
		return nil, err
	}
	next.owed = owed
	if err := b.store.Set(ctx, user, changes); err != nil {
		return nil, fmt.Errorf("store the roster of %s: %w", user, err)
	}
	return b.merge(ctx, user, &next), nil
}

// encodeOwed adds to the changes what is owed, if that differs.
func encodeOwed(changes map[string][]byte, was, is map[string][]string) error {
	if reflect.DeepEqual(was, is) {
		return nil
	}
	changes[keyOwed] = nil
	if len(is) == 0 {
		return nil
	}
	var err error
	changes[keyOwed], err = json.Marshal(is)
	return err
}
