// SPDX-License-Identifier: Apache-2.0

package roster

import (
	"context"
	"errors"
	"slices"

	"tercet/core/element"
	"tercet/core/iq"
	"tercet/core/jid"
	"tercet/core/stanza"
)

// Bounds of what a client may store in one item; RFC 6121 section 2.3.3 leaves
// them to the server.
const (
	maxText   = 1023 // bytes of a name, and of a group's
	maxGroups = 100
)

// get answers with the roster, or with nothing if the client has it already
// (RFC 6121 sections 2.1.3 and 2.6.3).
func (m *roster) get(ctx context.Context, r *iq.Request) (element.Element, error) {
	known, versions := r.Payload.LookupAttr("ver")
	err := m.book.with(ctx, r.From.Local(), func(have *record) {
		if r.Origin != nil {
			interested.Of(r.Origin).Store(true)
		}
		if versions && known == have.all.Version {
			r.Answer(ctx, element.Element{}, nil)
			return
		}
		q := element.New(ns, "query")
		if versions {
			q.Attr("ver", have.all.Version)
		}
		for _, i := range have.all.Items {
			if !i.Hidden {
				i.append(q)
			}
		}
		r.Answer(ctx, q.Element(), nil)
	})
	if err != nil {
		return element.Element{}, err
	}
	return element.Element{}, iq.ErrLater // it was answered in order with the pushes
}

// set adds, changes or removes one item (RFC 6121 sections 2.3 to 2.5).
func (m *roster) set(ctx context.Context, r *iq.Request) (element.Element, error) {
	item, remove, err := readItem(r.Payload)
	if err != nil {
		return element.Element{}, err
	}
	if item.JID == r.From.Bare() {
		return element.Element{}, stanza.Fail(stanza.NotAllowed, "you cannot be your own contact")
	}
	if remove {
		err = m.remove(ctx, r.From.Local(), item.JID)
	} else {
		err = m.change(ctx, r.From.Local(), item.JID, always, func(i Item, _ bool) (Change, error) {
			i.Name, i.Groups, i.Hidden = item.Name, item.Groups, false
			return Change{Item: i, Keep: true}, nil
		})
	}
	if errors.Is(err, ErrShared) {
		err = stanza.Fail(stanza.NotAllowed, "this contact comes from a shared group")
	}
	return element.Element{}, err
}

// remove takes an item out; what that means for subscriptions is stored with
// it (RFC 6121 section 2.5.2).
func (m *roster) remove(ctx context.Context, user string, contact jid.JID) error {
	var was Item
	err := m.change(ctx, user, contact, always, func(i Item, found bool) (Change, error) {
		if !found || i.Hidden {
			return Change{}, stanza.Fail(stanza.ItemNotFound, "there is no such contact")
		}
		was = i
		return Change{Item: i, Owe: i.Ends()}, nil
	})
	if err == nil {
		m.removed(ctx, user, was)
	}
	return err
}

// readItem reads the one item of a roster set.
func readItem(query element.Element) (i Item, remove bool, err error) {
	var e element.Element
	n := 0
	for c := range query.Children() {
		e = c
		n++
	}
	if n != 1 || !e.Is(ns, "item") {
		return i, false, stanza.Fail(stanza.BadRequest, "a roster set has exactly one item")
	}
	if i.JID, err = jid.Parse(e.Attr("jid")); err != nil {
		return i, false, stanza.Fail(stanza.BadRequest, "the item's jid is not valid")
	}
	if i.JID != i.JID.Bare() {
		return i, false, stanza.Fail(stanza.BadRequest, "the item's jid has a resource")
	}
	if e.Attr("subscription") == "remove" {
		return i, true, nil
	}
	if i.Name = e.Attr("name"); len(i.Name) > maxText {
		return i, false, stanza.Fail(stanza.NotAcceptable, "the name is too long")
	}
	for c := range e.Children() {
		if !c.Is(ns, "group") {
			continue
		}
		g := c.Text()
		switch {
		case g == "":
			return i, false, stanza.Fail(stanza.NotAcceptable, "a group has no name")
		case len(g) > maxText:
			return i, false, stanza.Fail(stanza.NotAcceptable, "the name of a group is too long")
		case slices.Contains(i.Groups, g):
			return i, false, stanza.Fail(stanza.BadRequest, "a group is given twice")
		case len(i.Groups) == maxGroups:
			return i, false, stanza.Fail(stanza.NotAcceptable, "too many groups")
		}
		i.Groups = append(i.Groups, g)
	}
	return i, false, nil
}
