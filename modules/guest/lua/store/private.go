// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"iter"
	"strings"

	"tercet/core/element"
	"tercet/core/storage"
)

// private is a view of private XML: Prosody's keys are "name:namespace", those
// of the server "name namespace".
type private struct {
	name storeName
	s    *Stores
	m    storage.Map
}

// nativeKey returns the server's key.
func nativeKey(key string) (string, bool) {
	local, space, ok := strings.Cut(key, ":")
	return local + " " + space, ok
}

func (p *private) get(ctx context.Context, user string) ([]byte, error) {
	t := table{}
	for pair, err := range p.m.All(ctx, user) {
		if err != nil {
			return nil, err
		}
		b, err := showElement(pair.Value)
		if err != nil {
			return nil, err
		}
		t[strings.Replace(pair.Key, " ", ":", 1)] = rawValue(b)
	}
	return t.bytes()
}

func (p *private) set(ctx context.Context, user string, table []byte) error {
	defer p.s.hold(p.name, user)()
	changes := make(map[string][]byte)
	for pair, err := range p.m.All(ctx, user) {
		if err != nil {
			return err
		}
		changes[pair.Key] = nil
	}
	if table != nil {
		rest, err := inside(table)
		if err != nil {
			return err
		}
		for len(rest) > 0 {
			k, v, behind, err := nextPair(rest, token{})
			if err != nil {
				return err
			}
			if err := keepPrivate(changes, k, v); err != nil {
				return err
			}
			rest = behind
		}
	}
	return p.m.Set(ctx, user, changes)
}

// keepPrivate adds an element to changes.
func keepPrivate(changes map[string][]byte, k, v token) error {
	key, ok := nativeKey(string(k.text))
	if k.tag != tagString || !ok {
		return errDatatype
	}
	e, err := elementOf(v)
	if err != nil {
		return errDatatype
	}
	changes[key] = e.AppendTo(nil, element.NSClient)
	return nil
}

// users cannot be told: the server asks for the elements of one user only.
func (p *private) users(context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) { yield("", errUnsupported) }
}

func (p *private) pick(ctx context.Context, user string, key []byte) ([]byte, error) {
	k, _, err := next(key)
	if err != nil {
		return nil, err
	}
	native, ok := nativeKey(string(k.text))
	if k.tag != tagString || !ok {
		return nil, nil
	}
	b, err := p.m.Get(ctx, user, native)
	if err != nil || b == nil {
		return nil, err
	}
	return showElement(b)
}

func (p *private) change(ctx context.Context, user string, changes []pair) error {
	native := make(map[string][]byte, len(changes))
	for _, c := range changes {
		k, _, err := next(c.key)
		if err != nil {
			return err
		}
		if c.value == nil {
			key, ok := nativeKey(string(k.text))
			if ok && k.tag == tagString {
				native[key] = nil
			}
			continue
		}
		v, _, err := next(c.value)
		if err != nil {
			return err
		}
		if err := keepPrivate(native, k, v); err != nil {
			return err
		}
	}
	defer p.s.hold(p.name, user)()
	return p.m.Set(ctx, user, native)
}

func (p *private) enters() bool { return false }

func (p *private) writable(string) error { return nil }
