// SPDX-License-Identifier: Apache-2.0

package mam

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tercet/config"
	"tercet/core/auth"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/iq"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/modules/roster"
)

const (
	// prefsKept is how many accounts' preferences are kept in memory.
	prefsKept = 50_000
	// prefsMost bounds the JIDs that an account may list.
	prefsMost = 1000
)

// policy is whose messages are kept by default.
type policy string

const (
	policyAlways policy = "always"
	policyNever  policy = "never"
	policyRoster policy = "roster"
)

// UnmarshalConfig reads true, false or a word.
func (p *policy) UnmarshalConfig(v config.Value) error {
	switch {
	case v.Kind() == config.Bool && v.Bool():
		*p = policyAlways
	case v.Kind() == config.Bool:
		*p = policyNever
	case v.Str() == "always", v.Str() == "never", v.Str() == "roster":
		*p = policy(v.Str())
	default:
		return fmt.Errorf("want true, false, \"always\", \"never\" or \"roster\", got %s", v)
	}
	return nil
}

// prefsSuffix makes the name of the preferences' store of the archive's.
const prefsSuffix = "_prefs"

func (a *archive) loadPrefs(ctx context.Context, user string) (Prefs, error) {
	p, _, err := a.saved.Get(ctx, user)
	return p, err
}

func forget(s *module.Scope, a *archive) {
	auth.Deleted.Handle(s, 0, func(_ context.Context, ev *auth.AccountEvent) ext.Verdict {
		a.prefs.Forget(ev.User)
		return ext.Next
	})
}

// allowed asks the account's preferences.
func (a *archive) allowed(ctx context.Context, ev *route.Event, account, with jid.JID) (bool, error) {
	p, err := a.prefs.Get(ctx, account.Local())
	if err != nil {
		return false, err
	}
	if a.Smart && !p.Active {
		return false, nil
	}
	if len(p.Never)+len(p.Always) > 0 {
		full, bare := with.String(), with.Bare().String()
		switch {
		case p.Never[full]:
			return false, nil
		case p.Always[full]:
			return true, nil
		case p.Never[bare]:
			return false, nil
		case p.Always[bare]:
			return true, nil
		}
	}
	rule := a.rule(p)
	if rule != policyRoster {
		return rule == policyAlways, nil
	}
	contacts, ok := roster.Service.In(ev.Pass)
	if !ok {
		return true, nil
	}
	list, err := contacts.Roster(ctx, account.Local())
	if err != nil {
		return false, err
	}
	item, ok := list.Items[with.Bare()]
	return ok && (item.To || item.From), nil
}

// rule is what counts for JIDs that the preferences do not name.
func (a *archive) rule(p Prefs) policy {
	if p.Default == "" {
		return a.Policy
	}
	return policy(p.Default)
}

func exists(ctx context.Context, ev *route.Event, user string) bool {
	accounts, ok := auth.Accounts.In(ev.Pass)
	if !ok {
		return false
	}
	found, err := accounts.Exists(ctx, user)
	return err == nil && found
}

func (a *archive) getPrefs(ctx context.Context, r *iq.Request) (element.Element, error) {
	a.activate(ctx, r.To.Local())
	p, err := a.prefs.Get(ctx, r.To.Local())
	if err != nil {
		return element.Element{}, err
	}
	return a.showPrefs(p), nil
}

func (a *archive) setPrefs(ctx context.Context, r *iq.Request) (element.Element, error) {
	next := Prefs{Default: r.Payload.Attr("default"), Active: true}
	switch policy(next.Default) {
	case policyAlways, policyNever, policyRoster:
	default:
		return element.Element{}, stanza.Fail(stanza.BadRequest, "default is always, never or roster")
	}
	var err error
	if next.Always, err = readJIDs(r.Payload.Child(ns, "always")); err != nil {
		return element.Element{}, err
	}
	if next.Never, err = readJIDs(r.Payload.Child(ns, "never")); err != nil {
		return element.Element{}, err
	}
	p, err := a.edit(ctx, r.To.Local(), func(Prefs) (Prefs, error) { return next, nil })
	if err != nil {
		return element.Element{}, err
	}
	return a.showPrefs(p), nil
}

func readJIDs(list element.Element) (map[string]bool, error) {
	all := make(map[string]bool)
	if list.IsZero() {
		return all, nil
	}
	for e := range list.Children() {
		j, err := jid.Parse(strings.TrimSpace(e.Text()))
		if err != nil {
			return nil, stanza.Fail(stanza.JIDMalformed, "")
		}
		if all[j.String()] = true; len(all) > prefsMost {
			return nil, stanza.Fail(stanza.ResourceConstraint, "too many JIDs")
		}
	}
	return all, nil
}

func (a *archive) showPrefs(p Prefs) element.Element {
	b := element.New(ns, "prefs").Attr("default", string(a.rule(p)))
	for _, part := range [...]struct {
		name string
		set  map[string]bool
	}{{"always", p.Always}, {"never", p.Never}} {
		b.Open(ns, part.name)
		for _, j := range sortedKeys(part.set) {
			b.TextChild(ns, "jid", j)
		}
		b.Close()
	}
	return b.Element()
}

func sortedKeys(set map[string]bool) []string {
	keys := make([]string, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// activate records that a client of the account reads its archive.
func (a *archive) activate(ctx context.Context, user string) {
	p, err := a.prefs.Get(ctx, user)
	if err != nil || p.Active || !a.Smart {
		return
	}
	_, err = a.edit(ctx, user, func(p Prefs) (Prefs, error) {
		p.Active = true
		return p, nil
	})
	if err != nil {
		a.scope.Log.ErrorContext(ctx, "archive not activated", "user", user, "err", err)
	}
}
