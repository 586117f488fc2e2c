// SPDX-License-Identifier: Apache-2.0

package transport

import "sync/atomic"

// budgetFree is what each Conn may hold beside the budget: short queues cost
// nothing shared.
const budgetFree = 64 << 10

// A Budget bounds what waits in the outboxes of all Conns that share it. Each
// may hold as much as is left, so that one alone has room, and many that do not
// read leave room for the others.
// The zero Budget is one of no bytes.
type Budget struct {
	limit, used atomic.Int64
}

// NewBudget returns a budget of so many bytes.
func NewBudget(limit int64) *Budget {
	b := new(Budget)
	b.Resize(limit)
	return b
}

// Resize gives it another limit. What waits already stays, be it more.
func (b *Budget) Resize(limit int64) { b.limit.Store(limit) }

// Used is how much of it is in use, in bytes.
func (b *Budget) Used() int64 { return b.used.Load() }

// limitLocked is how much the outbox may hold at this moment.
func (c *Conn) limitLocked() int {
	b := c.o.Budget
	if b == nil {
		return c.o.Limit
	}
	return min(c.o.Limit, budgetFree+int(max(0, b.limit.Load()-b.used.Load())))
}

// accountLocked tells the budget what has become of the outbox.
func (c *Conn) accountLocked() {
	b := c.o.Budget
	if b == nil {
		return
	}
	n := c.out.size()
	if n <= budgetFree {
		n = 0
	}
	if n != c.out.counted {
		b.used.Add(int64(n - c.out.counted))
		c.out.counted = n
	}
}
