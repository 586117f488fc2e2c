// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"encoding/json"
	"fmt"
)

// Typed is a KeyValue store whose values have a Go type.
type Typed[T any] struct{ kv KeyValue }

// JSON returns a view on kv that keeps each value as JSON.
func JSON[T any](kv KeyValue) Typed[T] { return Typed[T]{kv} }

// Get returns owner's value, and false when there is none.
func (t Typed[T]) Get(ctx context.Context, owner string) (T, bool, error) {
	var v T
	b, err := t.kv.Get(ctx, owner)
	if err != nil || b == nil {
		return v, false, err
	}
	if err := json.Unmarshal(b, &v); err != nil {
		var zero T
		return zero, false, fmt.Errorf("decode stored value of %q: %w", owner, err)
	}
	return v, true, nil
}

// Set returns after the value has been committed.
func (t Typed[T]) Set(ctx context.Context, owner string, value T) error {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode value of %q: %w", owner, err)
	}
	return t.kv.Set(ctx, owner, b)
}

// Delete removes owner's value; it is no error when there is none.
func (t Typed[T]) Delete(ctx context.Context, owner string) error {
	return t.kv.Set(ctx, owner, nil)
}
