// SPDX-License-Identifier: Apache-2.0

package modules_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/modules"
)

// nsHouse marks what the entities of this file send to each other.
const nsHouse = "tercet:test:lanes"

// An interpreter is a lock of the kind that guests run under: who holds it
// sends, and what he sends may come back to him before that returns. Ownership
// travels in the context, and is worth nothing once the frame that took the
// lock has gone.
type interpreter struct {
	mu    sync.Mutex
	frame atomic.Pointer[frame]
	runs  int // guarded by mu, however deep
	depth int // frames at work below the one that holds mu
	worst int
}

type frame struct{ of *interpreter }

type frameKey struct{}

func (l *interpreter) run(ctx context.Context, fn func(context.Context)) {
	if f, ok := ctx.Value(frameKey{}).(*frame); !ok || l.frame.Load() != f {
		l.mu.Lock()
		defer l.mu.Unlock()
		f = &frame{l}
		l.frame.Store(f)
		defer l.frame.Store(nil)
		ctx = context.WithValue(ctx, frameKey{}, f)
	}
	l.runs++
	l.depth++
	l.worst = max(l.worst, l.depth)
	fn(ctx)
	l.depth--
}

// house is a host with rooms, which count and repeat to all occupants under
// their lanes alone, and with holders, which send under the interpreter's lock.
type house struct {
	rooms     [4]room
	holders   [8]int // how often each was asked; guarded by the interpreter
	lock      interpreter
	occupants atomic.Pointer[[]jid.JID]
	scope     *module.Scope
	stop      atomic.Bool
}

// room is touched in its lane alone: the race detector sees a lane that lets
// two in.
type room struct{ said int }

func (h *house) module() module.Definition {
	return module.Define("house", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		h.scope = s
		route.In[stanza.Message][route.Bare].Handle(s, 50, h.message)
		for i := range h.holders {
			s.Go(func(ctx context.Context) { h.chatter(ctx, i) })
		}
		return nil
	})
}

func (h *house) message(ctx context.Context, ev *route.Event) ext.Verdict {
	st := ev.Stanza
	hop := st.Child(nsHouse, "hop")
	if name, ok := strings.CutPrefix(st.To.Local(), "room"); ok {
		i, err := strconv.Atoi(name)
		if err == nil && st.Type != "error" {
			h.say(ctx, ev, i, hop)
		}
		return ext.Stop
	}
	name, ok := strings.CutPrefix(st.To.Local(), "holder")
	if !ok {
		return ext.Next
	}
	if i, err := strconv.Atoi(name); err == nil && st.Type != "error" {
		h.lock.run(ctx, func(ctx context.Context) { h.hold(ctx, ev, i, hop) })
	}
	return ext.Stop
}

// say repeats what was said to all occupants, with its number.
func (h *house) say(ctx context.Context, ev *route.Event, i int, hop element.Element) {
	r := &h.rooms[i]
	r.said++
	said := element.New(nsHouse, "said").Attr("n", strconv.Itoa(r.said)).Attr("by", hop.Attr("by")).Element()
	from := address("room", i)
	for _, to := range *h.occupants.Load() {
		ev.Send(ctx, stanza.New(stanza.Message, "groupchat", from, to, "", said))
	}
}

// hold passes on what came to two other holders and a room, the lock held.
func (h *house) hold(ctx context.Context, ev *route.Event, i int, hop element.Element) {
	h.holders[i]++
	left, _ := strconv.Atoi(hop.Attr("left"))
	next := hopElement(left-1, hop.Attr("by"))
	if left > 0 {
		for _, d := range [...]int{1, 5} {
			ev.Send(ctx, stanza.New(stanza.Message, "chat", address("holder", i), address("holder", (i+d)%len(h.holders)), "", next))
		}
	}
	ev.Send(ctx, stanza.New(stanza.Message, "groupchat", address("holder", i), address("room", i%len(h.rooms)), "", next))
}

// chatter has a holder speak up by itself.
func (h *house) chatter(ctx context.Context, i int) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if h.stop.Load() || h.occupants.Load() == nil {
			continue
		}
		h.lock.run(ctx, func(ctx context.Context) {
			h.scope.Host.Send(ctx, stanza.New(stanza.Message, "chat", address("holder", i), address("holder", (i+3)%len(h.holders)), "", hopElement(1, "itself")))
		})
	}
}

func hopElement(left int, by string) element.Element {
	return element.New(nsHouse, "hop").Attr("left", strconv.Itoa(left)).Attr("by", by).Element()
}

func address(kind string, i int) jid.JID {
	return jid.MustParse(kind + strconv.Itoa(i) + "@" + coretest.Domain)
}

// occupant is a client in all rooms.
type occupant struct {
	*coretest.Client
	heard [4]atomic.Int64 // the last number of each room
	own   chan string     // what it had asked for and has heard
}

// listen checks that the rooms' numbers come in order and without a gap.
func (o *occupant) listen(t *testing.T) {
	for {
		e, err := o.Try(time.Minute)
		if err != nil {
			return
		}
		said := e.Child(nsHouse, "said")
		from, perr := jid.Parse(e.Attr("from"))
		if said.IsZero() || perr != nil {
			continue
		}
		i, _ := strconv.Atoi(strings.TrimPrefix(from.Local(), "room"))
		if want := strconv.FormatInt(o.heard[i].Add(1), 10); said.Attr("n") != want {
			t.Errorf("%s: room %d says number %s, want %s", o.JID, i, said.Attr("n"), want)
			o.heard[i].Store(0)
			return
		}
		if by := said.Attr("by"); strings.HasPrefix(by, o.JID+" ") {
			o.own <- by
		}
	}
}

// talk asks a holder again and again, and waits for what the rooms say of it.
func (o *occupant) talk(t *testing.T, i int, end time.Time) (asked int) {
	for ; time.Now().Before(end); asked++ {
		by := fmt.Sprint(o.JID, " ", asked)
		o.Send(fmt.Sprintf("<message to='holder%d@%s' type='chat'><hop xmlns='%s' left='2' by='%s'/></message>",
			(i+asked)%8, coretest.Domain, nsHouse, by))
		for range 7 { // 1 + 2 + 4 holders
			select {
			case got := <-o.own:
				if got != by {
					t.Errorf("%s heard of %q, want %q", o.JID, got, by)
				}
			case <-time.After(20 * time.Second):
				t.Errorf("%s: what was sent to the holders did not come to its end", o.JID)
				return asked
			}
		}
	}
	return asked
}

// TestLanesAndLocks has four rooms under their lanes and eight holders of a
// lock send to each other, over sockets: all that is sent comes to its end,
// each room's words arrive in order, and nothing is lost.
func TestLanesAndLocks(t *testing.T) {
	duration := 4 * time.Second
	if long() {
		duration = time.Minute
	}
	var h house
	port := freePort(t)
	s := coretest.New(t, fmt.Sprintf("modules_enabled = { \"ping\", \"house\" }\nc2s_ports = { %d }\nc2s_interfaces = { \"127.0.0.1\" }\n", port),
		append(slices.Clone(modules.All), h.module())...)
	var all [8]*occupant
	var addresses []jid.JID
	for i := range all {
		all[i] = &occupant{Client: socketLogin(t, s, port, fmt.Sprint("guest", i), "a"), own: make(chan string, 16)}
		addresses = append(addresses, jid.MustParse(all[i].JID))
	}
	h.occupants.Store(&addresses)
	var wg sync.WaitGroup
	var asked atomic.Int64
	for i, o := range all {
		go o.listen(t)
		wg.Go(func() { asked.Add(int64(o.talk(t, i, time.Now().Add(duration)))) })
	}
	wg.Wait()
	h.stop.Store(true)
	said := make([]int64, len(h.rooms))
	for i := range h.rooms {
		done := make(chan struct{})
		s.Host(coretest.Domain).Lane(address("room", i).Local()).Do(func() { said[i] = int64(h.rooms[i].said); close(done) })
		<-done
	}
	for i := range said {
		for _, o := range all {
			coretest.Eventually(t, "the last words of a room have come", func() bool { return o.heard[i].Load() >= said[i] })
		}
	}
	h.lock.mu.Lock()
	defer h.lock.mu.Unlock()
	if want := 7 * int(asked.Load()); h.lock.runs < want {
		t.Errorf("%d runs under the lock, want at least %d", h.lock.runs, want)
	}
	t.Logf("%d asked, %d runs under the lock, %d deep; the rooms said %v", asked.Load(), h.lock.runs, h.lock.worst, said)
}
