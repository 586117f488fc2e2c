// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tercet/core/element"
	"tercet/core/jid"
	"tercet/core/storage"
	"tercet/modules/roster"
)

// rosters is a view of rosters: through the module that keeps them where it is
// loaded, so that clients see what changes.
type rosters struct {
	name storeName
	s    *Stores
	m    storage.Map
}

func (r *rosters) contacts() roster.Contacts {
	if r.s.Roster != nil {
		if c := r.s.Roster(r.name.host); c != nil {
			return c
		}
	}
	return &storedRosters{r}
}

// get shows what Prosody has in a roster: items by their JIDs, and under false
// the version and the requests that wait for an answer.
func (r *rosters) get(ctx context.Context, user string) ([]byte, error) {
	list, err := r.contacts().Roster(ctx, user)
	if err != nil {
		return nil, err
	}
	pending, t := table{}, table{}
	for j, i := range list.Items {
		if i.Pending != nil {
			pending[j.String()] = true
			if b, err := showElement(i.Pending); err == nil {
				pending[j.String()] = rawValue(b)
			}
		}
		if !i.Hidden {
			t[j.String()] = showItem(i)
		}
	}
	number, _, _ := strings.Cut(list.Version, "-")
	at, _ := strconv.ParseUint(number, 36, 64) // 0 if it is none
	if len(list.Items) == 0 && at == 0 {
		return nil, nil
	}
	t[false] = table{"version": float64(at), "pending": pending}
	return t.bytes()
}

func showItem(i roster.Item) table {
	groups := table{}
	for _, g := range i.Groups {
		groups[g] = true
	}
	t := table{"subscription": i.Subscription(), "groups": groups}
	if i.Name != "" {
		t["name"] = i.Name
	}
	if i.Ask {
		t["ask"] = "subscribe"
	}
	if i.Approved {
		t["approved"] = true
	}
	if i.Shared {
		t["persist"] = false
	}
	return t
}

// wanted is what a roster shall be.
type wanted struct {
	items   map[jid.JID]roster.Item
	pending map[jid.JID][]byte // requests; empty: there is one
}

// readRoster reads a table as get shows it. Items from shared groups are left
// out, as by Prosody's mod_groups.
func readRoster(b []byte) (wanted, error) {
	w := wanted{map[jid.JID]roster.Item{}, map[jid.JID][]byte{}}
	t, err := readTable(b)
	if err != nil {
		return w, err
	}
	for k, v := range t {
		fields, ok := v.(table)
		if !ok {
			return w, errDatatype
		}
		if k == false {
			if requests, ok := fields["pending"].(table); ok {
				if err := w.readPending(requests); err != nil {
					return w, err
				}
			}
			continue
		}
		name, _ := k.(string)
		j, err := jid.Parse(name)
		if err != nil {
			return w, errDatatype
		}
		if fields["persist"] != false {
			w.items[j.Bare()] = readItem(j.Bare(), fields)
		}
	}
	return w, nil
}

func readItem(j jid.JID, t table) roster.Item {
	i := roster.Item{JID: j, Approved: t["approved"] == true, Ask: t["ask"] == "subscribe"}
	i.Name, _ = t["name"].(string)
	i.To = t["subscription"] == "to" || t["subscription"] == "both"
	i.From = t["subscription"] == "from" || t["subscription"] == "both"
	groups, _ := t["groups"].(table)
	for g, in := range groups {
		if name, ok := g.(string); ok && in != false {
			i.Groups = append(i.Groups, name)
		}
	}
	slices.Sort(i.Groups)
	return i
}

func (w *wanted) readPending(requests table) error {
	for k, v := range requests {
		name, _ := k.(string)
		j, err := jid.Parse(name)
		if err != nil {
			return errDatatype
		}
		switch v := v.(type) {
		case bool:
			if v {
				w.pending[j.Bare()] = []byte{}
			}
		case table:
			t, _, err := next(v.appendTo(nil))
			if err != nil {
				return err
			}
			e, err := elementOf(t)
			if err != nil {
				return errDatatype
			}
			w.pending[j.Bare()] = e.AppendTo(nil, element.NSClient)
		}
	}
	return nil
}

func (r *rosters) set(ctx context.Context, user string, b []byte) error {
	w, err := readRoster(b)
	if err != nil {
		return err
	}
	return r.apply(ctx, user, w, nil)
}

// change changes what the keys name; false names the requests.
func (r *rosters) change(ctx context.Context, user string, changes []pair) error {
	b, err := merge(nil, changes)
	if err != nil {
		return err
	}
	w, err := readRoster(b)
	if err != nil {
		return err
	}
	only := map[jid.JID]bool{}
	for _, c := range changes {
		k, _, err := next(c.key)
		switch {
		case err != nil:
			return err
		case k.tag == tagFalse && c.value != nil:
			only[jid.JID{}] = true
		case k.tag == tagString:
			if j, err := jid.Parse(string(k.text)); err == nil {
				only[j.Bare()] = true
			}
		}
	}
	return r.apply(ctx, user, w, only)
}

// apply makes the roster what is wanted. Only says which items may change, and
// with the zero JID that the requests may; nil stands for all.
func (r *rosters) apply(ctx context.Context, user string, w wanted, only map[jid.JID]bool) error {
	contacts := r.contacts()
	list, err := contacts.Roster(ctx, user)
	if err != nil {
		return err
	}
	all := maps.Clone(list.Items)
	if all == nil {
		all = map[jid.JID]roster.Item{}
	}
	for j := range w.items {
		all[j] = list.Items[j]
	}
	for j := range w.pending {
		all[j] = list.Items[j]
	}
	byName := func(a, b jid.JID) int { return strings.Compare(a.String(), b.String()) }
	for _, j := range slices.SortedFunc(maps.Keys(all), byName) {
		if all[j].Shared {
			continue
		}
		had, found := list.Items[j]
		had.JID, had.Hidden = j, had.Hidden || !found
		edit := func(had roster.Item) (roster.Item, bool) {
			had.Hidden = had.Hidden || !found
			return r.next(user, had, w, only)
		}
		if next, keep := edit(had); keep == found && (!keep || alike(had, next)) {
			continue
		}
		if err := contacts.Edit(ctx, user, j, edit); err != nil {
			return err
		}
	}
	return nil
}

// next returns what becomes of an item. One that is not there is hidden.
func (r *rosters) next(user string, had roster.Item, w wanted, only map[jid.JID]bool) (roster.Item, bool) {
	next, j, there := had, had.JID, !had.Hidden
	if only == nil || only[j] {
		item, ok := w.items[j]
		item.Pending = had.Pending
		if slices.Equal(item.Groups, slices.Sorted(slices.Values(had.Groups))) {
			item.Groups = had.Groups // in the order that the client knows
		}
		next, there = item, ok
	}
	if only == nil || only[jid.JID{}] {
		request, ok := w.pending[j]
		switch {
		case !ok:
			next.Pending = nil
		case next.Pending != nil: // it came so
		case len(request) > 0:
			next.Pending = request
		default:
			next.Pending = element.New(element.NSClient, "presence").Attr("type", "subscribe").
				Attr("from", j.String()).Attr("to", user+"@"+r.name.host).Element().AppendTo(nil, element.NSClient)
		}
	}
	next.JID, next.Hidden = j, !there
	return next, there || next.Pending != nil
}

// alike reports whether two items are stored alike.
func alike(a, b roster.Item) bool {
	return a.JID == b.JID && a.Name == b.Name && slices.Equal(a.Groups, b.Groups) && a.To == b.To && a.From == b.From &&
		a.Ask == b.Ask && a.Approved == b.Approved && a.Hidden == b.Hidden && bytes.Equal(a.Pending, b.Pending)
}

func (r *rosters) pick(ctx context.Context, user string, key []byte) ([]byte, error) {
	b, err := r.get(ctx, user)
	if err != nil || b == nil {
		return nil, err
	}
	return find(b, key)
}

// keyVersion is the key that each roster has which was changed.
const keyVersion = " version"

func (r *rosters) users(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for found, err := range r.m.Find(ctx, keyVersion) {
			if !yield(found.Owner, err) {
				return
			}
		}
	}
}

func (r *rosters) enters() bool { return r.s.Roster != nil }

func (r *rosters) writable(string) error { return nil }

// storedRosters are rosters that no module has in memory.
type storedRosters struct{ *rosters }

// storedItem is how the roster module stores an item.
type storedItem struct {
	Name     string   `json:"name,omitempty"`
	Groups   []string `json:"groups,omitempty"`
	To       bool     `json:"to,omitempty"`
	From     bool     `json:"from,omitempty"`
	Ask      bool     `json:"ask,omitempty"`
	Approved bool     `json:"approved,omitempty"`
	Pending  string   `json:"pending,omitempty"`
	Hidden   bool     `json:"hidden,omitempty"`
}

// Roster implements [roster.Contacts].
func (r *storedRosters) Roster(ctx context.Context, user string) (*roster.Roster, error) {
	list := &roster.Roster{Items: map[jid.JID]roster.Item{}}
	for p, err := range r.m.All(ctx, user) {
		if err != nil {
			return nil, err
		}
		if p.Key == keyVersion {
			list.Version = string(p.Value)
		}
		j, err := jid.Parse(p.Key)
		if strings.HasPrefix(p.Key, " ") || err != nil {
			continue
		}
		if list.Items[j], err = storedAs(j, p.Value); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func storedAs(j jid.JID, b []byte) (roster.Item, error) {
	i := roster.Item{JID: j}
	var s storedItem
	if err := json.Unmarshal(b, &s); err != nil {
		return i, errForeign
	}
	i.Name, i.Groups, i.To, i.From, i.Ask, i.Approved, i.Hidden = s.Name, s.Groups, s.To, s.From, s.Ask, s.Approved, s.Hidden
	if s.Pending != "" {
		i.Pending = []byte(s.Pending)
	}
	return i, nil
}

// Edit implements [roster.Contacts].
func (r *storedRosters) Edit(ctx context.Context, user string, contact jid.JID, fn func(roster.Item) (roster.Item, bool)) error {
	defer r.s.hold(r.name, user)()
	i := roster.Item{JID: contact}
	b, err := r.m.Get(ctx, user, contact.String())
	if err == nil && b != nil {
		i, err = storedAs(contact, b)
	}
	if err != nil {
		return err
	}
	next, keep := fn(i)
	changes := map[string][]byte{contact.String(): nil, keyVersion: strconv.AppendInt(nil, time.Now().UnixMicro(), 36)}
	if keep {
		s := storedItem{next.Name, next.Groups, next.To, next.From, next.Ask, next.Approved, string(next.Pending), next.Hidden}
		if changes[contact.String()], err = json.Marshal(s); err != nil {
			return err
		}
	}
	return r.m.Set(ctx, user, changes)
}
