// SPDX-License-Identifier: Apache-2.0

package external

import (
	"sync"
	"time"
)

const (
	// maxNames is how many names a memory has room for: what is asked about
	// comes from anywhere.
	maxNames = 10_000
	// staleLife is how long an account that was there is taken to be there
	// still, while nobody answers.
	staleLife = time.Hour
)

// A memory knows for a short time which accounts exist.
type memory struct {
	life time.Duration

	mu    sync.Mutex // guards what follows
	names map[string]fact
	edits uint64 // counts what was forgotten
}

type fact struct {
	exists bool
	at     time.Time
}

func newMemory(life time.Duration) *memory {
	return &memory{life: life, names: make(map[string]fact)}
}

// get returns what is known of a name, and lately was.
func (m *memory) get(user string) (exists, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, ok := m.names[user]
	if !ok || time.Since(f.at) >= m.life {
		return false, false
	}
	return f.exists, true
}

// was reports whether the account was there not long ago.
func (m *memory) was(user string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.names[user]
	return f.exists && time.Since(f.at) < staleLife
}

// mark is taken before a question whose answer is put.
func (m *memory) mark() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.edits
}

// put keeps an answer unless something was forgotten since the question.
func (m *memory) put(user string, exists bool, since uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.life == 0 || m.edits != since {
		return
	}
	now := time.Now()
	if _, old := m.names[user]; !old && len(m.names) >= maxNames {
		m.makeRoom(now)
	}
	m.names[user] = fact{exists, now}
}

// makeRoom drops what nobody needs any more: names that do not exist, above
// all, of which somebody may guess many. If that is not enough it drops some.
func (m *memory) makeRoom(now time.Time) {
	for user, f := range m.names {
		if age := now.Sub(f.at); age >= staleLife || !f.exists && age >= m.life {
			delete(m.names, user)
		}
	}
	for _, exist := range [...]bool{false, true} {
		for user, f := range m.names {
			if len(m.names) <= maxNames*9/10 {
				return
			}
			if f.exists == exist {
				delete(m.names, user)
			}
		}
	}
}

// forget drops a name, of which something has changed.
func (m *memory) forget(user string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.edits++
	delete(m.names, user)
}
