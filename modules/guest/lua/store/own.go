// SPDX-License-Identifier: Apache-2.0

package store

import "context"

// everybody stands for all users.
const everybody = "*"

// withOwn is a view of what a native module keeps of users. What Lua stores for
// the host itself, user nil, no native module knows: it is Lua's own.
type withOwn struct {
	shelf
	own *tables
}

func (w *withOwn) of(user string) shelf {
	if user == "" {
		return w.own
	}
	return w.shelf
}

func (w *withOwn) get(ctx context.Context, user string) ([]byte, error) {
	return w.of(user).get(ctx, user)
}

func (w *withOwn) set(ctx context.Context, user string, table []byte) error {
	return w.of(user).set(ctx, user, table)
}

func (w *withOwn) pick(ctx context.Context, user string, key []byte) ([]byte, error) {
	return w.of(user).pick(ctx, user, key)
}

func (w *withOwn) change(ctx context.Context, user string, changes []pair) error {
	return w.of(user).change(ctx, user, changes)
}

func (w *withOwn) writable(user string) error { return w.of(user).writable(user) }
