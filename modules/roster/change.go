// SPDX-License-Identifier: Apache-2.0

package roster

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"reflect"
	"slices"

	"tercet/core/element"
	"tercet/core/jid"
	"tercet/core/stanza"
)

// Roster is the roster of an account: shared, not to be changed.
func (m *roster) Roster(ctx context.Context, user string) (*Roster, error) {
	r, err := m.book.get(ctx, user)
	if err != nil {
		return nil, err
	}
	return r.all, nil
}

// Edit changes one item of a roster.
func (m *roster) Edit(ctx context.Context, user string, contact jid.JID, fn func(Item) (Item, bool)) error {
	var was Item
	gone := false
	err := m.change(ctx, user, contact, visibly, func(i Item, found bool) (Change, error) {
		was = i
		var c Change
		c.Item, c.Keep = fn(i)
		gone = found && !c.Keep && !i.Hidden
		return c, nil
	})
	if err == nil && gone {
		m.removed(ctx, user, was)
	}
	return err
}

// Change changes a subscription.
func (m *roster) Change(ctx context.Context, user string, contact jid.JID, fn func(Item) Change) error {
	return m.change(ctx, user, contact, visibly, func(i Item, found bool) (Change, error) {
		i.Hidden = i.Hidden || !found
		return fn(i), nil
	})
}

// A telling is when clients are told of a change.
type telling int

const (
	visibly telling = iota // if they see it
	always
	silent // never
)

// change stores what fn makes of an item and pushes it.
func (m *roster) change(ctx context.Context, user string, contact jid.JID, tell telling, fn func(i Item, found bool) (Change, error)) error {
	contact = contact.Bare()
	if _, err := m.book.get(ctx, user); err != nil {
		return err
	}
	_, err := m.book.cache.Edit(ctx, user, func(r *record) (*record, error) {
		if r.extra[contact].Shared {
			return nil, ErrShared
		}
		old, found := r.own[contact]
		old.JID = contact
		c, err := fn(old, found)
		if err != nil {
			return nil, err
		}
		c.Item.JID, c.Item.Shared = contact, false
		if c.Keep && (!found || old.Hidden && !c.Item.Hidden) {
			if err := m.room(r, c.Item.Hidden); err != nil {
				return nil, err
			}
		}
		seen, was := c.Keep && !c.Item.Hidden, found && !old.Hidden
		visible := tell == always || seen != was || seen && !alike(old, c.Item)
		next, owed := r, r.owed
		if m.scope.Host.Router.Host(contact.Domain()) != nil {
			owed = owing(r.owed, contact, c.Owe)
		}
		if visible || !reflect.DeepEqual(owed, r.owed) || c.Keep != found || c.Keep && string(old.Pending) != string(c.Item.Pending) {
			if next, err = m.book.put(ctx, user, r, c.Item, c.Keep, visible, owed); err != nil {
				return nil, err
			}
		}
		if c.First != nil {
			c.First()
		}
		if visible && tell != silent {
			m.book.push(user, next.all.Version, c.Item, seen)
		}
		return next, nil
	})
	return err
}

// alike reports whether clients see the same of both.
func alike(a, b Item) bool {
	return a.Name == b.Name && slices.Equal(a.Groups, b.Groups) && a.To == b.To && a.From == b.From && a.Ask == b.Ask && a.Approved == b.Approved
}

// opposite is what a subscription stanza makes void.
var opposite = map[string]string{
	"subscribe": "unsubscribe", "unsubscribe": "subscribe", "subscribed": "unsubscribed", "unsubscribed": "subscribed",
}

// owing adds types to what is owed to a contact.
func owing(owed map[string][]string, contact jid.JID, types []string) map[string][]string {
	key := contact.String()
	list := slices.Clone(owed[key])
	for _, typ := range types {
		list = slices.DeleteFunc(list, func(t string) bool { return t == typ || t == opposite[typ] })
		list = append(list, typ)
	}
	if slices.Equal(list, owed[key]) {
		return owed
	}
	next := make(map[string][]string, len(owed)+1)
	maps.Copy(next, owed)
	next[key] = list
	return next
}

// Settle forgets what is owed to a contact.
func (m *roster) Settle(ctx context.Context, user string, contact jid.JID, typ string) error {
	key := contact.Bare().String()
	r, err := m.book.get(ctx, user)
	if err != nil || !slices.Contains(r.owed[key], typ) {
		return err
	}
	_, err = m.book.cache.Edit(ctx, user, func(r *record) (*record, error) {
		list := slices.DeleteFunc(slices.Clone(r.owed[key]), func(t string) bool { return t == typ })
		next := *r
		next.owed = maps.Clone(r.owed)
		next.owed[key] = list
		if len(list) == 0 {
			delete(next.owed, key)
		}
		changes := make(map[string][]byte, 1)
		if err := encodeOwed(changes, r.owed, next.owed); err != nil || len(changes) == 0 {
			return r, err
		}
		return &next, m.book.store.Set(ctx, user, changes)
	})
	return err
}

// Owed yields what accounts owe to their contacts.
func (m *roster) Owed(ctx context.Context) iter.Seq2[Debt, error] {
	return func(yield func(Debt, error) bool) {
		for ov, err := range m.book.store.Find(ctx, keyOwed) {
			var owed map[string][]string
			if err == nil {
				err = json.Unmarshal(ov.Value, &owed)
			}
			if err != nil {
				if !yield(Debt{}, err) {
					return
				}
				continue
			}
			for contact, types := range owed {
				j, err := jid.Parse(contact)
				for _, typ := range types {
					if !yield(Debt{ov.Owner, j, typ}, err) {
						return
					}
				}
			}
		}
	}
}

// push tells the account's interested resources of one item (RFC 6121 section
// 2.1.6). The roster is held, so that pushes go out in the order of changes.
func (b *book) push(user, version string, i Item, seen bool) {
	var payload element.Element
	id := ""
	for _, s := range b.host.Sessions.Resources(user) {
		if !Interested(s) {
			continue
		}
		if id == "" {
			q := element.New(ns, "query").Attr("ver", version)
			if seen {
				i.append(q)
			} else {
				q.Open(ns, "item").Attr("jid", i.JID.String()).Attr("subscription", "remove")
			}
			payload, id = q.Element(), stanza.NewID()
		}
		s.Deliver(stanza.New(stanza.IQ, "set", jid.JID{}, s.JID, id, payload), nil)
	}
}

// append writes the item as clients see it.
func (i Item) append(b *element.Builder) {
	b.Open(ns, "item").Attr("jid", i.JID.String())
	if i.Name != "" {
		b.Attr("name", i.Name)
	}
	b.Attr("subscription", i.Subscription())
	if i.Ask {
		b.Attr("ask", "subscribe")
	}
	if i.Approved {
		b.Attr("approved", "true")
	}
	for _, g := range i.Groups {
		b.TextChild(ns, "group", g)
	}
	b.Close()
}
