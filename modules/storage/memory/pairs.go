// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"slices"

	"tercet/core/storage"
)

// pairs is a Map.
type pairs struct{ *store }

func (p pairs) Get(ctx context.Context, owner, key string) (value []byte, err error) {
	err = p.db.read(ctx, func() error {
		value = bytes.Clone(p.pairs[owner][key])
		return nil
	})
	return value, err
}

func (p pairs) Set(ctx context.Context, owner string, changes map[string][]byte) error {
	if err := storage.CheckNames(owner); err != nil {
		return err
	}
	for key, value := range changes {
		if len(value) > storage.MaxValue || len(key) > storage.MaxName {
			return storage.ErrTooLarge
		}
	}
	return p.db.write(ctx, func() error {
		all := p.pairs[owner]
		for key, value := range changes {
			switch {
			case value == nil:
				delete(all, key)
				continue
			case all == nil:
				all = map[string][]byte{}
				p.pairs[owner] = all
			}
			all[key] = bytes.Clone(value)
		}
		if len(all) == 0 {
			delete(p.pairs, owner)
		}
		return nil
	})
}

func (p pairs) All(ctx context.Context, owner string) iter.Seq2[storage.Pair, error] {
	return func(yield func(storage.Pair, error) bool) {
		var list []storage.Pair
		err := p.db.read(ctx, func() error {
			for key, value := range p.pairs[owner] {
				list = append(list, storage.Pair{Key: key, Value: bytes.Clone(value)})
			}
			return nil
		})
		if err != nil {
			yield(storage.Pair{}, err)
			return
		}
		slices.SortFunc(list, func(a, b storage.Pair) int { return cmp.Compare(a.Key, b.Key) })
		for _, pair := range list {
			if !yield(pair, nil) {
				return
			}
		}
	}
}

func (p pairs) Find(ctx context.Context, key string) iter.Seq2[storage.OwnerValue, error] {
	return func(yield func(storage.OwnerValue, error) bool) {
		var list []storage.OwnerValue
		err := p.db.read(ctx, func() error {
			for owner, all := range p.pairs {
				if value, ok := all[key]; ok {
					list = append(list, storage.OwnerValue{Owner: owner, Value: bytes.Clone(value)})
				}
			}
			return nil
		})
		if err != nil {
			yield(storage.OwnerValue{}, err)
			return
		}
		slices.SortFunc(list, func(a, b storage.OwnerValue) int { return cmp.Compare(a.Owner, b.Owner) })
		for _, found := range list {
			if !yield(found, nil) {
				return
			}
		}
	}
}

func (p pairs) Clear(ctx context.Context, owner string) error {
	return p.db.write(ctx, func() error {
		delete(p.pairs, owner)
		return nil
	})
}
