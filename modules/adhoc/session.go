// SPDX-License-Identifier: Apache-2.0

package adhoc

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"sync"
	"time"

	"tercet/core/jid"
	"tercet/core/slot"
)

// Most command sessions that a host keeps: in all, but for those of admins, and
// of all accounts of another domain.
const (
	maxAll    = 4096
	maxDomain = 64
)

// sessions are the command sessions of a host. They outlive a reload.
type sessions struct {
	mu     sync.Mutex // guards what follows
	key    []byte     // of the ids
	owners map[jid.JID][]*session
	n      int
	remote map[string]int // those of other domains
}

// A session is a command between two stages.
type session struct {
	id, node string
	owner    jid.JID // full, of who has begun it
	stage    int
	actions  Actions
	state    any
	used     time.Time
}

var hostSessions = slot.New[sessions]("adhoc-sessions")

// An id is random, and proves that this host has given it to that owner for
// that node: so an id that has expired can be told from one that never was,
// and nothing needs to be kept for that.
const (
	randomBytes = 12
	proofBytes  = 12
)

// newID makes the id of a session.
func (l *sessions) newID(owner jid.JID, node string) string {
	b := make([]byte, randomBytes, randomBytes+proofBytes)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(append(b, l.proof(b, owner, node)...))
}

// gave reports whether the host has made the id for that owner and node.
func (l *sessions) gave(id string, owner jid.JID, node string) bool {
	b, err := base64.RawURLEncoding.DecodeString(id)
	return err == nil && len(b) == randomBytes+proofBytes && hmac.Equal(b[randomBytes:], l.proof(b[:randomBytes], owner, node))
}

func (l *sessions) proof(random []byte, owner jid.JID, node string) []byte {
	l.mu.Lock()
	if l.key == nil {
		l.key = make([]byte, sha256.Size)
		rand.Read(l.key)
	}
	key := l.key
	l.mu.Unlock()
	h := hmac.New(sha256.New, key)
	h.Write(random)
	h.Write([]byte(owner.String()))
	h.Write([]byte{0}) // no JID has one
	h.Write([]byte(node))
	return h.Sum(nil)[:proofBytes]
}

// take takes a session out, for a stage. It is nil if there is none with that
// id, or no more: two stages at a time are not possible.
func (l *sessions) take(id, node string, owner jid.JID, maxAge time.Duration) *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.owners[owner.Bare()] {
		if s.id == id && s.owner == owner && s.node == node {
			l.dropLocked(s)
			if time.Since(s.used) > maxAge {
				return nil
			}
			return s
		}
	}
	return nil
}

// limit is how many sessions there may be for an owner.
type limit struct {
	account int  // most of the account; the oldest gives way to a new one
	local   bool // it is one of the host's own
	exempt  bool // from the limit for all: an admin
}

// put keeps a session until the next stage; it reports whether there was room.
func (l *sessions) put(s *session, most limit) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	bare := s.owner.Bare()
	for len(l.owners[bare]) >= most.account {
		l.dropLocked(l.owners[bare][0])
	}
	domain := s.owner.Domain()
	if l.n >= maxAll && !most.exempt || !most.local && l.remote[domain] >= maxDomain {
		return false
	}
	if l.owners == nil {
		l.owners, l.remote = make(map[jid.JID][]*session), make(map[string]int)
	}
	s.used = time.Now()
	l.owners[bare] = append(l.owners[bare], s)
	l.n++
	l.remote[domain]++
	return true
}

func (l *sessions) dropLocked(s *session) {
	bare, domain := s.owner.Bare(), s.owner.Domain()
	at := slices.Index(l.owners[bare], s)
	if at < 0 {
		return
	}
	if l.owners[bare] = slices.Delete(l.owners[bare], at, at+1); len(l.owners[bare]) == 0 {
		delete(l.owners, bare)
	}
	l.n--
	if l.remote[domain]--; l.remote[domain] == 0 {
		delete(l.remote, domain)
	}
}

// drop forgets the sessions of an account for which gone holds.
func (l *sessions) drop(bare jid.JID, gone func(*session) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range slices.Clone(l.owners[bare]) {
		if gone(s) {
			l.dropLocked(s)
		}
	}
}

// expire forgets the sessions that were not used for so long.
func (l *sessions) expire(maxAge time.Duration) {
	l.mu.Lock()
	all := make([]jid.JID, 0, len(l.owners))
	for bare := range l.owners {
		all = append(all, bare)
	}
	l.mu.Unlock()
	for _, bare := range all {
		l.drop(bare, func(s *session) bool { return time.Since(s.used) > maxAge })
	}
}
