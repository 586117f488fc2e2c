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
	"strings"
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
	own     map[jid.JID]Item // as it is stored
	extra   map[jid.JID]Item // what the handlers of Load have put in
	digest  string           // of extra
	age     uint64           // of extra; 0: nobody was asked yet
	all     *Roster          // own and extra
	owed    map[string][]string
	version uint64
	hidden  int // items of own that are
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
		b.age.Store(1)
	})
}

func (b *book) load(ctx context.Context, user string) (*record, error) {
	r := &record{own: make(map[jid.JID]Item)}
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
				r.own[i.JID] = i
				r.hidden += count(i.Hidden)
			}
		}
		if err != nil { // the rest of the roster is of use
			b.host.Log.ErrorContext(ctx, "roster entry not readable", "user", user, "id", pair.Key, "err", err)
		}
	}
	r.lay()
	return r, nil
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

// lay puts own and extra items together.
func (r *record) lay() {
	r.all = &Roster{Version: strconv.FormatUint(r.version, 36), Items: r.own}
	if len(r.extra) > 0 {
		r.all.Version += "-" + r.digest
		r.all.Items = maps.Clone(r.own)
		maps.Copy(r.all.Items, r.extra)
	}
}

// ask fires Load on a copy of what is stored, and returns what the handlers
// have put in. Nothing is held: they may ask for rosters themselves.
func (b *book) ask(ctx context.Context, user string, own map[jid.JID]Item) (extra map[jid.JID]Item, sum string) {
	p := b.host.Table.Enter()
	defer p.Leave()
	if !Load.Has(p) {
		return nil, ""
	}
	ev := LoadEvent{user, b.host.Name, maps.Clone(own), p}
	Load.Fire(ctx, p, &ev)
	maps.DeleteFunc(ev.Items, func(_ jid.JID, i Item) bool { return !i.Shared })
	return ev.Items, digest(ev.Items)
}

// digest stands in the version for what is not stored.
func digest(items map[jid.JID]Item) string {
	byName := func(a, b jid.JID) int { return strings.Compare(a.String(), b.String()) }
	h := sha256.New()
	for _, j := range slices.SortedFunc(maps.Keys(items), byName) {
		i := items[j]
		fmt.Fprintf(h, "%q %q %q %s\n", j.String(), i.Name, i.Groups, i.Subscription())
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:6])
}

// get returns the account's record, with what the handlers of Load put in now.
func (b *book) get(ctx context.Context, user string) (*record, error) {
	r, err := b.cache.Get(ctx, user)
	age := b.age.Load()
	if err != nil || r.age >= age {
		return r, err
	}
	extra, sum := b.ask(ctx, user, r.own)
	return b.cache.Edit(ctx, user, func(r *record) (*record, error) {
		if r.age >= age {
			return r, nil
		}
		next := *r
		next.extra, next.digest, next.age = extra, sum, age
		next.lay()
		if r.age > 0 && next.digest != r.digest {
			b.pushDifference(user, r.all, next.all)
		}
		return &next, nil
	})
}

// with runs fn with the roster held still: pushes stand in order with what fn
// delivers.
func (b *book) with(ctx context.Context, user string, fn func(*record)) error {
	if _, err := b.get(ctx, user); err != nil {
		return err
	}
	_, err := b.cache.Edit(ctx, user, func(r *record) (*record, error) {
		fn(r)
		return r, nil
	})
	return err
}

// pushDifference pushes what other handlers of Load have changed.
func (b *book) pushDifference(user string, old, next *Roster) {
	for j, i := range next.Items {
		if was, ok := old.Items[j]; !ok || !alike(was, i) || was.Hidden != i.Hidden {
			b.push(user, next.Version, i, !i.Hidden)
		}
	}
	for j, i := range old.Items {
		if _, ok := next.Items[j]; !ok {
			b.push(user, next.Version, i, false)
		}
	}
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
	next.own = maps.Clone(r.own)
	changes := make(map[string][]byte, 3)
	next.hidden -= count(r.own[i.JID].Hidden)
	if keep {
		value, err := i.encode()
		if err != nil {
			return nil, err
		}
		changes[i.JID.String()] = value
		next.own[i.JID] = i
		next.hidden += count(i.Hidden)
	} else {
		changes[i.JID.String()] = nil
		delete(next.own, i.JID)
	}
	if visible {
		// Time keeps the versions of an account apart from those of one of
		// the same name that was there before.
		next.version = max(r.version+1, uint64(time.Now().UnixMicro()))
		changes[keyVersion] = strconv.AppendUint(nil, next.version, 36)
	}
	if err := encodeOwed(changes, r.owed, owed); err != nil {
		return nil, err
	}
	next.owed = owed
	if err := b.store.Set(ctx, user, changes); err != nil {
		return nil, fmt.Errorf("store the roster of %s: %w", user, err)
	}
	next.lay()
	return &next, nil
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
