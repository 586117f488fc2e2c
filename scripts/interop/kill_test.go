// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/element"
)

// durable is a server that keeps all that it is given.
const durable = everyday + `offline_max_messages = 0
max_archive_query_results = 500
smacks_max_queue_size = 100000
`

const (
	nsMAM     = "urn:xmpp:mam:2"
	nsRSM     = "http://jabber.org/protocol/rsm"
	nsSM      = "urn:xmpp:sm:3"
	nsRoster  = "jabber:iq:roster"
	nsBlock   = "urn:xmpp:blocking"
	nsVCard   = "vcard-temp"
	nsPrivate = "jabber:iq:private"
	nsNote    = "urn:tercet:test:note"
)

// ledger is what clients were promised and what has been seen of it.
type ledger struct {
	mu       sync.Mutex                   // guards what follows
	promised map[string]map[string]string // receiver -> id of an acknowledged message -> round
	seen     map[string]map[string]bool   // receiver -> id
	archived map[string]map[string]int    // receiver -> id -> times in the archive
	last     map[string]string            // receiver -> last archive id that was looked at
	changes  map[string]int               // kind -> the highest number whose result came
}

func newLedger() *ledger {
	return &ledger{
		promised: make(map[string]map[string]string), seen: make(map[string]map[string]bool),
		archived: make(map[string]map[string]int), last: make(map[string]string), changes: make(map[string]int),
	}
}

func put[V any](l *ledger, m map[string]map[string]V, to, id string, v V) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m[to] == nil {
		m[to] = make(map[string]V)
	}
	m[to][id] = v
}

// The receivers: one is connected; one is away, and has an archive; one is
// away and has none, so that its messages are with the offline store alone.
var receivers = [...]string{"online", "archived", "offline"}

// write sends messages under stream management until the stream ends, and
// notes what is acknowledged.
func (l *ledger) write(c *coretest.Client, name string) {
	c.Send("<enable xmlns='" + nsSM + "'/>")
	type sent struct{ to, id string }
	var list []sent
	acked := 0
	for {
		for len(list)-acked < 64 {
			m := sent{receivers[len(list)%len(receivers)], fmt.Sprint(name, "-", len(list))}
			list = append(list, m)
			xml := fmt.Sprintf("<message to='%s@%s' type='chat' id='%s'><body>%s</body></message>", m.to, coretest.Domain, m.id, strings.Repeat("x", 200))
			if len(list)%8 == 0 {
				xml += "<r xmlns='" + nsSM + "'/>"
			}
			if _, err := io.WriteString(c.Conn, xml); err != nil {
				return
			}
		}
		e, err := c.Try(10 * time.Second)
		if err != nil {
			return
		}
		if e.Is(nsSM, "a") {
			h, _ := strconv.Atoi(e.Attr("h"))
			for ; acked < h; acked++ {
				put(l, l.promised, list[acked].to, list[acked].id, name)
			}
		}
	}
}

// read notes what a connected receiver gets.
func (l *ledger) read(c *coretest.Client, name string) {
	for {
		e, err := c.Try(10 * time.Second)
		if err != nil {
			return
		}
		if e.Local() == "message" {
			put(l, l.seen, name, e.Attr("id"), true)
		}
	}
}

// kinds of changes: each is made with growing numbers, and asked for later.
var changes = map[string]string{
	"roster":    "<query xmlns='" + nsRoster + "'><item jid='contact%d@elsewhere.example' name='%[1]d'/></query>",
	"vcard":     "<vCard xmlns='" + nsVCard + "'><FN>%d</FN></vCard>",
	"private":   "<query xmlns='" + nsPrivate + "'><note xmlns='" + nsNote + "'>%d</note></query>",
	"blocklist": "<block xmlns='" + nsBlock + "'><item jid='troll%d@elsewhere.example'/></block>",
}

// change makes changes of one kind until the stream ends, one after the other.
func (l *ledger) change(c *coretest.Client, kind string) {
	l.mu.Lock()
	n := l.changes[kind]
	l.mu.Unlock()
	for {
		n++
		id := fmt.Sprint(kind, n)
		if _, err := fmt.Fprintf(c.Conn, "<iq type='set' id='%s'>"+changes[kind]+"</iq>", id, n); err != nil {
			return
		}
		for {
			e, err := c.Try(10 * time.Second)
			if err != nil {
				return
			}
			if e.Attr("id") == id && e.Attr("type") == "result" {
				break
			}
		}
		l.mu.Lock()
		l.changes[kind] = n
		l.mu.Unlock()
	}
}

// TestKills kills the server under load, again and again: what it has
// acknowledged is there when it is started anew.
func TestKills(t *testing.T) {
	kills := 5
	if long() {
		kills = 50
	}
	s, l := newServer(t, durable), newLedger()
	for _, kind := range receivers {
		s.addUser(kind, coretest.Password(kind))
	}
	c := s.login(t, "offline", "setup")
	c.Send("<iq type='set' id='p'><prefs xmlns='" + nsMAM + "' default='never'><always/><never/></prefs></iq>")
	if e := c.Next(); e.Attr("type") != "result" {
		t.Fatal("preferences:", e)
	}
	c.Send("</stream:stream>")
	c.Ended()
	for round := range kills {
		l.load(t, s, round)
		s.start()
		for line := range strings.Lines(s.log.String()) {
			if strings.Contains(line, "\terror\t") || strings.Contains(line, "\twarn\t") || strings.Contains(line, "panic") {
				t.Errorf("start %d: %s", round+2, line)
			}
		}
		for _, name := range receivers {
			l.collect(t, s, name)
		}
		l.compare(t)
		l.compareChanges(t, s)
		if t.Failed() {
			return
		}
	}
	total := 0
	for _, ids := range l.promised {
		total += len(ids)
	}
	if total == 0 || len(l.changes) != len(changes) {
		t.Errorf("%d messages and %v were acknowledged: no load", total, l.changes)
	}
	t.Logf("%d kills: %d messages acknowledged, changes %v", kills, total, l.changes)
}

// load runs clients against the server and kills it.
func (l *ledger) load(t *testing.T, s *server, round int) {
	var wg sync.WaitGroup
	in := s.login(t, "online", "r")
	in.Send("<presence/>")
	wg.Go(func() { l.read(in, "online") })
	for i := range 4 {
		c := s.login(t, fmt.Sprint("writer", i), "w")
		wg.Go(func() { l.write(c, fmt.Sprint("kill", round, "-", i)) })
	}
	for kind := range changes {
		c := s.login(t, "changer", kind)
		wg.Go(func() { l.change(c, kind) })
	}
	<-time.After(300*time.Millisecond + time.Duration(rand.IntN(700))*time.Millisecond)
	s.kill(syscall.SIGKILL)
	wg.Wait()
}

// collect logs a receiver in and takes its archive and what was kept for it.
func (l *ledger) collect(t *testing.T, s *server, name string) {
	t.Helper()
	c := s.login(t, name, "collect")
	for {
		page := "<max>500</max>"
		if last := l.last[name]; last != "" {
			page += "<after>" + last + "</after>"
		}
		c.Send("<iq type='set' id='page'><query xmlns='" + nsMAM + "'><set xmlns='" + nsRSM + "'>" + page + "</set></query></iq>")
		fin := element.Element{}
		for fin.IsZero() {
			e := c.Next()
			if r := e.Child(nsMAM, "result"); !r.IsZero() {
				id := r.Child("urn:xmpp:forward:0", "forwarded").Child(element.NSClient, "message").Attr("id")
				put(l, l.archived, name, id, l.archived[name][id]+1)
				l.last[name] = r.Attr("id")
			}
			if e.Attr("id") == "page" {
				fin = e.Child(nsMAM, "fin")
				if fin.IsZero() {
					t.Fatalf("%s: archive: %s", name, e)
				}
			}
		}
		if fin.Attr("complete") == "true" {
			break
		}
	}
	c.Send("<presence/>")
	c.Send("<iq type='get' id='end'><ping xmlns='urn:xmpp:ping'/></iq>")
	for {
		e := c.Next()
		if e.Local() == "message" {
			put(l, l.seen, name, e.Attr("id"), true)
		}
		if e.Attr("id") == "end" {
			break
		}
	}
	c.Send("</stream:stream>")
	c.Ended()
}

// compare looks for each promised message.
func (l *ledger) compare(t *testing.T) {
	t.Helper()
	for name, ids := range l.promised {
		lost := 0
		for id := range ids {
			if !l.seen[name][id] && l.archived[name][id] == 0 {
				if lost++; lost < 5 {
					t.Errorf("%s: acknowledged and lost: %s", name, id)
				}
			}
		}
		if lost > 0 {
			t.Errorf("%s: %d of %d acknowledged messages are lost", name, lost, len(ids))
		}
	}
	for name, ids := range l.archived {
		for id, n := range ids {
			if n != 1 {
				t.Errorf("%s: %s is %d times in the archive", name, id, n)
			}
		}
	}
	if n := len(l.archived["offline"]); n != 0 {
		t.Errorf("%d messages are in an archive that is switched off", n)
	}
}

// compareChanges asks for what has been changed: all of it, or what was under
// way when the server was killed.
func (l *ledger) compareChanges(t *testing.T, s *server) {
	t.Helper()
	c := s.login(t, "changer", "compare")
	ask := func(payload string) element.Element {
		c.Send("<iq type='get' id='ask'>" + payload + "</iq>")
		for {
			if e := c.Next(); e.Attr("id") == "ask" {
				return e.First()
			}
		}
	}
	for kind, list := range map[string]element.Element{
		"roster":    ask("<query xmlns='" + nsRoster + "'/>"),
		"blocklist": ask("<blocklist xmlns='" + nsBlock + "'/>"),
	} {
		have := make(map[string]bool)
		for item := range list.Children() {
			have[item.Attr("jid")] = true
		}
		for n := 1; n <= l.changes[kind]; n++ {
			who := map[string]string{"roster": "contact", "blocklist": "troll"}[kind] + strconv.Itoa(n) + "@elsewhere.example"
			if !have[who] {
				t.Errorf("%s: acknowledged and lost: %s", kind, who)
			}
		}
	}
	for kind, text := range map[string]string{
		"vcard":   ask("<vCard xmlns='"+nsVCard+"'/>").ChildText(nsVCard, "FN"),
		"private": ask("<query xmlns='"+nsPrivate+"'><note xmlns='"+nsNote+"'/></query>").ChildText(nsNote, "note"),
	} {
		n, err := strconv.Atoi(text)
		if want := l.changes[kind]; want > 0 && (err != nil || n < want || n > want+1) {
			t.Errorf("%s: got %q, want what was acknowledged, %d, or the next", kind, text, want)
		}
		l.changes[kind] = max(n, l.changes[kind])
	}
	c.Send("</stream:stream>")
	if _, err := c.Try(10 * time.Second); err != nil && !errors.Is(err, io.EOF) {
		t.Error("the last client:", err)
	}
}
