// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bytes"
	"context"
	"encoding/json"

	"tercet/modules/mam"
)

// prefsStore has what accounts want archived.
const prefsStore = "archive_prefs"

// archivePrefs is a view of that store. Where the archive is loaded, it changes
// them: it has them in memory, too.
type archivePrefs struct{ converted }

func (p *archivePrefs) keeper() mam.Keeper {
	if p.s.Prefs == nil {
		return nil
	}
	if k := p.s.Prefs(p.name.host); k != nil && k.Store() == p.name.name {
		return k
	}
	return nil
}

func (p *archivePrefs) set(ctx context.Context, user string, table []byte) error {
	k := p.keeper()
	if k == nil {
		return p.converted.set(ctx, user, table)
	}
	return k.Edit(ctx, user, func(mam.Prefs) (mam.Prefs, error) { return readPrefs(table) })
}

func (p *archivePrefs) change(ctx context.Context, user string, changes []pair) error {
	k := p.keeper()
	if k == nil {
		return p.converted.change(ctx, user, changes)
	}
	return k.Edit(ctx, user, func(had mam.Prefs) (mam.Prefs, error) {
		var b []byte
		if !had.IsZero() {
			var err error
			if b, err = prefsTable(had).bytes(); err != nil {
				return had, err
			}
		}
		after, err := merge(b, changes)
		if err != nil {
			return had, err
		}
		return readPrefs(after)
	})
}

// policies are the values of the key false.
var policies = map[string]any{"always": true, "never": false, "roster": "roster"}

func showPrefs(native []byte) ([]byte, error) {
	var p mam.Prefs
	if err := json.Unmarshal(bytes.TrimSpace(native), &p); err != nil {
		return nil, errForeign
	}
	return prefsTable(p).bytes()
}

func prefsTable(p mam.Prefs) table {
	t := table{}
	for j := range p.Always {
		t[j] = true
	}
	for j := range p.Never {
		t[j] = false
	}
	if policy, ok := policies[p.Default]; ok {
		t[false] = policy
	}
	return t
}

func keepPrefs(b []byte) ([]byte, error) {
	p, err := readPrefs(b)
	if err != nil {
		return nil, err
	}
	return json.Marshal(p)
}

// readPrefs reads a table as prefsTable makes it; nil are no preferences.
func readPrefs(b []byte) (mam.Prefs, error) {
	if b == nil {
		return mam.Prefs{}, nil
	}
	t, err := readTable(b)
	if err != nil {
		return mam.Prefs{}, err
	}
	p := mam.Prefs{Always: map[string]bool{}, Never: map[string]bool{}, Active: true}
	for k, v := range t {
		name, ok := k.(string)
		always, isBool := v.(bool)
		switch {
		case k == false && isBool && always:
			p.Default = "always"
		case k == false && isBool:
			p.Default = "never"
		case k == false && v == "roster":
			p.Default = "roster"
		case !ok || !isBool || jidOf(name).IsZero():
			return mam.Prefs{}, errDatatype
		case always:
			p.Always[name] = true
		default:
			p.Never[name] = true
		}
	}
	return p, nil
}
