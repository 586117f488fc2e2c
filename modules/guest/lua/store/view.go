// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"time"

	"tercet/core/element"
	"tercet/core/jid"
	"tercet/core/storage"
)

// view returns the shelf of a store that a native module keeps in a format of
// its own, and nil for all others.
func (s *Stores) view(n storeName, o Opener) (shelf, error) {
	switch n.name {
	case "private", "roster":
		m, err := o.Map(n.name)
		if err != nil {
			return nil, err
		}
		if n.name == "private" {
			return &private{n, s, m}, nil
		}
		return &rosters{n, s, m}, nil
	}
	c, ok := conversions[n.name]
	if !ok {
		return nil, nil
	}
	kv, err := o.KeyValue(n.name)
	if err != nil {
		return nil, err
	}
	if c.own {
		return &withOwn{&converted{c, n, s, kv}, &tables{s, n, kv}}, nil
	}
	if n.name == prefsStore {
		return &archivePrefs{converted{c, n, s, kv}}, nil
	}
	return &converted{c, n, s, kv}, nil
}

// conversion is how a value that a native module keeps becomes a table of
// Prosody's, and back.
type conversion struct {
	show   func(native []byte) ([]byte, error)
	keep   func(table []byte) ([]byte, error) // nil: Lua cannot change it
	module string                             // has values in memory that Lua must not change; "" none
	own    bool                               // no native module has anything of the host itself: Lua may
}

// conversions are those of key-value stores, by their names.
var conversions = map[string]conversion{
	"vcard":           {show: showVCard, keep: keepVCard},
	"accounts":        {show: showAccount},
	"account_details": {show: showDetails, keep: keepDetails},
	"blocklist":       {show: showBlocklist, keep: keepBlocklist, module: "blocklist", own: true},
	prefsStore:        {show: showPrefs, keep: keepPrefs},
}

// converted is a view of a key-value store.
type converted struct {
	conversion
	name storeName
	s    *Stores
	kv   storage.KeyValue
}

// get hides what the accounts of a host share: it is a secret.
func (c *converted) get(ctx context.Context, user string) ([]byte, error) {
	if c.keep == nil && user == "" {
		return nil, nil
	}
	b, err := c.kv.Get(ctx, user)
	if err != nil || b == nil {
		return nil, err
	}
	return c.show(b)
}

// writable returns why the store cannot be changed.
func (c *converted) writable(string) error {
	switch {
	case c.keep == nil:
		return errReadOnly
	case c.module != "" && (c.s.Native == nil || c.s.Native(c.name.host, c.module)):
		return errNativeLoaded
	}
	return nil
}

func (c *converted) set(ctx context.Context, user string, table []byte) error {
	defer c.s.hold(c.name, user)()
	return c.put(ctx, user, table)
}

func (c *converted) put(ctx context.Context, user string, table []byte) error {
	if table == nil {
		return c.kv.Set(ctx, user, nil)
	}
	b, err := c.keep(table)
	if err != nil {
		return err
	}
	return c.kv.Set(ctx, user, b)
}

func (c *converted) users(ctx context.Context) iter.Seq2[string, error] { return c.kv.Owners(ctx) }

func (c *converted) pick(ctx context.Context, user string, key []byte) ([]byte, error) {
	b, err := c.get(ctx, user)
	if err != nil || b == nil {
		return nil, err
	}
	return find(b, key)
}

func (c *converted) change(ctx context.Context, user string, changes []pair) error {
	defer c.s.hold(c.name, user)()
	b, err := c.get(ctx, user)
	if err != nil {
		return err
	}
	after, err := merge(b, changes)
	if err != nil || b == nil && after == nil {
		return err
	}
	return c.put(ctx, user, after)
}

func (c *converted) enters() bool { return false }

// showElement returns the table of an element.
func showElement(native []byte) ([]byte, error) {
	e, err := element.Parse(native)
	if err != nil {
		return nil, errForeign
	}
	return appendElement(nil, e, false, 0)
}

func showVCard(native []byte) ([]byte, error) {
	b, err := showElement(native)
	if err != nil {
		return nil, err
	}
	return append([]byte{version}, b...), nil
}

func keepVCard(table []byte) ([]byte, error) {
	b, err := content(table)
	if err != nil {
		return nil, err
	}
	t, _, err := next(b)
	if err != nil {
		return nil, err
	}
	e, err := elementOf(t)
	if err != nil || !e.Is("vcard-temp", "vCard") {
		return nil, errDatatype
	}
	return e.AppendTo(nil, element.NSClient), nil
}

// showAccount shows no password, and nothing that is made of one.
func showAccount(native []byte) ([]byte, error) {
	var r struct {
		Created  time.Time `json:"created"`
		Updated  time.Time `json:"updated"`
		Disabled bool      `json:"disabled"`
	}
	if err := json.Unmarshal(native, &r); err != nil {
		return nil, errForeign
	}
	t := table{"created": secondsOf(r.Created), "updated": secondsOf(r.Updated)}
	if r.Disabled {
		t["disabled"] = true
	}
	return t.bytes()
}

// details are what a registration form had.
type details struct {
	Registered time.Time         `json:"registered"`
	Fields     map[string]string `json:"fields,omitempty"`
}

func showDetails(native []byte) ([]byte, error) {
	var d details
	if err := json.Unmarshal(native, &d); err != nil {
		return nil, errForeign
	}
	t := table{"registered": secondsOf(d.Registered)}
	for k, v := range d.Fields {
		if k != "registered" {
			t[k] = v
		}
	}
	return t.bytes()
}

func keepDetails(b []byte) ([]byte, error) {
	t, err := readTable(b)
	if err != nil {
		return nil, err
	}
	d := details{Fields: map[string]string{}}
	for k, v := range t {
		name, _ := k.(string)
		switch v := v.(type) {
		case float64:
			if name != "registered" {
				return nil, errDatatype
			}
			d.Registered = timeOf(v)
		case string:
			if name == "" {
				return nil, errDatatype
			}
			d.Fields[name] = v
		default:
			return nil, errDatatype
		}
	}
	return json.Marshal(d)
}

// showBlocklist makes a set of the JIDs; false is the key of what Prosody notes
// beside them.
func showBlocklist(native []byte) ([]byte, error) {
	var list []string
	if err := json.Unmarshal(native, &list); err != nil {
		return nil, errForeign
	}
	t := table{false: table{}}
	for _, j := range list {
		t[j] = true
	}
	return t.bytes()
}

func keepBlocklist(b []byte) ([]byte, error) {
	t, err := readTable(b)
	if err != nil {
		return nil, err
	}
	list := []string{}
	for k, v := range t {
		name, ok := k.(string)
		if !ok || v == false {
			continue
		}
		j, err := jid.Parse(name)
		if err != nil {
			return nil, errDatatype
		}
		list = append(list, j.String())
	}
	slices.Sort(list)
	return json.Marshal(slices.Compact(list))
}
