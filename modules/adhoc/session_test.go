// SPDX-License-Identifier: Apache-2.0

package adhoc

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tercet/core/jid"
)

const hour = time.Hour

func begun(l *sessions, owner, node string) *session {
	j := jid.MustParse(owner)
	return &session{id: l.newID(j, node), node: node, owner: j, stage: 1}
}

func TestIDsProveWhoseTheyAre(t *testing.T) {
	var l, other sessions
	romeo, juliet := jid.MustParse("romeo@example.org/orchard"), jid.MustParse("juliet@example.org/balcony")
	id := l.newID(romeo, "node")
	if !l.gave(id, romeo, "node") {
		t.Error("its own id is unknown to it")
	}
	if again := l.newID(romeo, "node"); again == id {
		t.Error("an id comes twice")
	}
	for name, ok := range map[string]bool{
		"somebody else's":     l.gave(id, juliet, "node"),
		"another resource's":  l.gave(id, romeo.Bare(), "node"),
		"of another node":     l.gave(id, romeo, "nod"),
		"of another host":     other.gave(id, romeo, "node"),
		"with something more": l.gave(id+"AAAA", romeo, "node"),
		"cut":                 l.gave(id[:20], romeo, "node"),
		"empty":               l.gave("", romeo, "node"),
		"no base64":           l.gave("?"+id[1:], romeo, "node"),
	} {
		if ok {
			t.Errorf("an id %s is taken for good", name)
		}
	}
}

func TestTake(t *testing.T) {
	var l sessions
	s := begun(&l, "romeo@example.org/orchard", "node")
	if !l.put(s, limit{account: 8, local: true}) {
		t.Fatal("no room for one")
	}
	juliet := jid.MustParse("juliet@example.org/balcony")
	for name, got := range map[string]*session{
		"somebody else":    l.take(s.id, "node", juliet, hour),
		"another resource": l.take(s.id, "node", jid.MustParse("romeo@example.org/home"), hour),
		"for another node": l.take(s.id, "other", s.owner, hour),
		"another id":       l.take("x", "node", s.owner, hour),
	} {
		if got != nil {
			t.Errorf("%s takes it", name)
		}
	}
	if l.take(s.id, "node", s.owner, hour) != s {
		t.Error("its owner does not get it")
	}
	if l.take(s.id, "node", s.owner, hour) != nil {
		t.Error("it is there twice")
	}
	if l.n != 0 || len(l.owners) != 0 || len(l.remote) != 0 {
		t.Errorf("something is left: %+v", &l)
	}
}

func TestTheOldestGivesWay(t *testing.T) {
	var l sessions
	var all []*session
	for i := range 5 {
		s := begun(&l, fmt.Sprintf("romeo@example.org/%d", i), "node")
		all = append(all, s)
		if !l.put(s, limit{account: 3, local: true}) {
			t.Fatal("no room")
		}
	}
	for i, s := range all {
		if got, want := l.take(s.id, "node", s.owner, hour) == s, i >= 2; got != want {
			t.Errorf("session %d: it is there: %t, want %t", i, got, want)
		}
	}
}

func TestOtherDomainsHaveABoundEach(t *testing.T) {
	var l sessions
	put := func(i int, domain string, local bool) bool {
		return l.put(begun(&l, fmt.Sprintf("user%d@%s/r", i, domain), "node"), limit{account: 8, local: local})
	}
	for i := range maxDomain {
		if !put(i, "example.net", false) {
			t.Fatalf("no room for %d", i)
		}
	}
	if put(maxDomain, "example.net", false) {
		t.Error("one too many has room")
	}
	if !put(0, "example.com", false) || !put(0, "example.org", true) {
		t.Error("others have no room")
	}
}

func TestAllHaveABoundButAdmins(t *testing.T) {
	var l sessions
	for i := range maxAll {
		if !l.put(begun(&l, fmt.Sprintf("user%d@example.org/r", i), "node"), limit{account: 8, local: true}) {
			t.Fatalf("no room for %d", i)
		}
	}
	if l.put(begun(&l, "late@example.org/r", "node"), limit{account: 8, local: true}) {
		t.Error("one too many has room")
	}
	if !l.put(begun(&l, "admin@example.org/r", "node"), limit{account: 8, local: true, exempt: true}) {
		t.Error("an admin has no room")
	}
}

func TestExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l sessions
		most := limit{account: 8, local: true}
		old, young := begun(&l, "romeo@example.org/r", "node"), begun(&l, "romeo@example.org/r", "node")
		l.put(old, most)
		time.Sleep(time.Minute)
		l.put(young, most)
		time.Sleep(time.Minute)
		l.expire(90 * time.Second)
		if l.n != 1 || l.take(young.id, "node", young.owner, hour) != young {
			t.Errorf("%d sessions are left, want the young one", l.n)
		}
		l.put(young, most)
		time.Sleep(time.Minute)
		if l.take(young.id, "node", young.owner, 30*time.Second) != nil {
			t.Error("one that is too old is taken before it has expired")
		}
	})
}

func TestDrop(t *testing.T) {
	var l sessions
	most := limit{account: 8, local: true}
	a, b := begun(&l, "romeo@example.org/a", "node"), begun(&l, "romeo@example.org/b", "node")
	l.put(a, most)
	l.put(b, most)
	l.drop(a.owner.Bare(), func(s *session) bool { return s.owner == a.owner })
	if l.take(a.id, "node", a.owner, hour) != nil || l.take(b.id, "node", b.owner, hour) == nil {
		t.Error("the wrong one was dropped")
	}
}

// Whatever happens at the same time, a session is taken once, and the counts
// are those of what is there.
func TestSessionsHammer(t *testing.T) {
	var l sessions
	var taken, dropped atomic.Int64
	var all sync.WaitGroup
	const clients, rounds = 8, 300
	for i := range clients {
		all.Go(func() {
			owner := fmt.Sprintf("user%d@example%d.org/r", i, i%3)
			for range rounds {
				s := begun(&l, owner, "node")
				if !l.put(s, limit{account: 4, local: i%2 == 0}) {
					t.Error("no room")
				}
				var both sync.WaitGroup
				var got atomic.Int64
				for range 2 {
					both.Go(func() {
						if l.take(s.id, "node", s.owner, hour) != nil {
							got.Add(1)
						}
					})
				}
				both.Wait()
				if got.Load() != 1 {
					t.Errorf("taken %d times", got.Load())
				}
				taken.Add(got.Load())
				l.put(s, limit{account: 4, local: true})
			}
			l.drop(jid.MustParse(owner).Bare(), func(*session) bool { dropped.Add(1); return true })
		})
		all.Go(func() { l.expire(hour) })
	}
	all.Wait()
	if l.n != 0 || len(l.owners) != 0 || len(l.remote) != 0 {
		t.Errorf("left: %d sessions, %d owners, %d domains", l.n, len(l.owners), len(l.remote))
	}
	if taken.Load() != clients*rounds || dropped.Load() != clients*4 {
		t.Errorf("%d taken, %d dropped", taken.Load(), dropped.Load())
	}
}
