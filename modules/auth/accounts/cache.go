// SPDX-License-Identifier: Apache-2.0

package accounts

import (
	"container/list"
	"sync"
	"time"
)

// A cache keeps the accounts that were used last. Names that do not exist have
// a list of their own: whoever tries many of them drives nobody else out, and
// cannot tell them from the others by the time that an answer takes.
type cache struct {
	life time.Duration // 0: for ever

	mu      sync.Mutex // guards what follows
	known   lru
	unknown lru
}

func newCache(size int, life time.Duration) *cache {
	return &cache{life: life, known: newLRU(size), unknown: newLRU(size)}
}

func (c *cache) get(user string) *account {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range [...]*lru{&c.known, &c.unknown} {
		if a := l.get(user, time.Now()); a != nil {
			return a
		}
	}
	return nil
}

func (c *cache) put(user string, a *account) {
	var until time.Time
	if c.life > 0 {
		until = time.Now().Add(c.life)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !a.known {
		c.known.drop(user)
		c.unknown.put(user, a, until)
		return
	}
	c.unknown.drop(user)
	c.known.put(user, a, until)
}

func (c *cache) drop(user string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known.drop(user)
	c.unknown.drop(user)
}

// An lru is a list by use, the newest in front.
type lru struct {
	size  int
	order *list.List // of *cached
	at    map[string]*list.Element
}

type cached struct {
	user    string
	account *account
	until   time.Time
}

func newLRU(size int) lru {
	return lru{size: size, order: list.New(), at: make(map[string]*list.Element)}
}

func (l *lru) get(user string, now time.Time) *account {
	e := l.at[user]
	if e == nil {
		return nil
	}
	c := e.Value.(*cached) //nolint:forcetypeassert // put stores nothing else
	if !c.until.IsZero() && now.After(c.until) {
		l.drop(user)
		return nil
	}
	l.order.MoveToFront(e)
	return c.account
}

func (l *lru) put(user string, a *account, until time.Time) {
	l.drop(user)
	if l.size == 0 {
		return
	}
	l.at[user] = l.order.PushFront(&cached{user, a, until})
	for l.order.Len() > l.size {
		l.drop(l.order.Back().Value.(*cached).user) //nolint:forcetypeassert // put stores nothing else
	}
}

func (l *lru) drop(user string) {
	if e := l.at[user]; e != nil {
		l.order.Remove(e)
		delete(l.at, user)
	}
}
