// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tercet/core/coretest"
)

// pressed is a server on which strangers have more time than the test takes.
const pressed = everyday + `c2s_timeout = 120
c2s_close_timeout = 1
`

const (
	pairs     = 25
	pace      = 50 * time.Millisecond // between two messages of a pair: 500 messages a second in all
	swelling  = 64 << 20              // bytes that the server may grow by in one attack
	tolerable = 2 * time.Millisecond  // a 99th percentile that is good at that pace, whatever it was before
)

// A chat is pairs of clients that do nothing wrong: the first of each sends
// numbered messages to the second.
type chat struct {
	t     *testing.T
	epoch time.Time
	over  chan struct{}
	once  sync.Once // closes over
	wg    sync.WaitGroup
	got   atomic.Int64
	mu    sync.Mutex      // guards took
	took  []time.Duration // from sending to arrival, since they were last asked for
}

func newChat(t *testing.T, s *server) *chat {
	t.Helper()
	x := &chat{t: t, epoch: time.Now(), over: make(chan struct{})}
	for n := range pairs {
		from, to := s.login(t, fmt.Sprint("romeo", n), "r"), s.login(t, fmt.Sprint("juliet", n), "j")
		to.Send("<presence/>")
		stillThere(t, to)
		x.wg.Go(func() { x.talk(from, to.JID, time.Duration(n)*pace/pairs) })
		x.wg.Go(func() { x.listen(to) })
	}
	t.Cleanup(x.end)
	return x
}

// talk sends at its pace, whatever becomes of what it sent. The last message
// says how many came before it.
func (x *chat) talk(c *coretest.Client, to string, after time.Duration) {
	n := 0
	for begun := time.Now().Add(after); ; n++ {
		select {
		case <-time.After(time.Until(begun.Add(time.Duration(n) * pace))):
			c.Send(fmt.Sprintf("<message to='%s' type='chat' id='%d'><body>%d</body></message>", to, n, time.Since(x.epoch)))
			continue
		case <-x.over:
		}
		break
	}
	c.Send(fmt.Sprintf("<message to='%s' type='chat' id='%d'><body>last</body></message>", to, n))
}

// listen takes the messages, each of which must be the next.
func (x *chat) listen(c *coretest.Client) {
	for next := 0; ; next++ {
		e, err := c.Try(20 * time.Second)
		if err != nil {
			x.t.Errorf("%s: %v, message %d is lost", c.JID, err, next)
			return
		}
		if e.Local() != "message" || e.Attr("id") != strconv.Itoa(next) {
			x.t.Errorf("%s: got %s, want message %d", c.JID, e, next)
			return
		}
		body := e.ChildText("jabber:client", "body")
		if body == "last" {
			return
		}
		sent, err := strconv.ParseInt(body, 10, 64)
		if err != nil {
			x.t.Errorf("%s: got %s", c.JID, e)
			return
		}
		took := time.Since(x.epoch) - time.Duration(sent)
		x.got.Add(1)
		x.mu.Lock()
		x.took = append(x.took, took)
		x.mu.Unlock()
	}
}

// end has the clients say their last, and waits until all is there.
func (x *chat) end() {
	x.once.Do(func() { close(x.over) })
	x.wg.Wait()
}

// latency is how long messages have taken since the last call.
type latency struct {
	n              int
	p50, p99, most time.Duration
}

func (x *chat) latency() latency {
	x.mu.Lock()
	took := x.took
	x.took = nil
	x.mu.Unlock()
	return latency{len(took), quantile(took, 50), quantile(took, 99), quantile(took, 100)}
}

func quantile(all []time.Duration, percent int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)*percent/100, len(all)-1)]
}

func (l latency) String() string {
	return fmt.Sprintf("%d messages, p50 %v, p99 %v, longest %v", l.n, short(l.p50), short(l.p99), short(l.most))
}

func short(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

// idle is the part of the machine's time, since it was started, that nobody
// wanted, and the whole of it, in ticks.
func idle(t *testing.T) (unwanted, all float64) {
	t.Helper()
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	for i, word := range strings.Fields(line)[1:9] { // user nice system idle iowait irq softirq steal
		n, err := strconv.ParseFloat(word, 64)
		if err != nil {
			t.Fatal(err)
		}
		if all += n; i == 3 || i == 4 {
			unwanted += n
		}
	}
	return unwanted, all
}

// spell is how long each attack lasts.
func spell() time.Duration {
	if long() {
		return 30 * time.Second
	}
	return 4 * time.Second
}

// TestPressure attacks a server while others talk: they lose nothing, are
// answered in time, and the server grows by 64 MiB at most, or 96 if all come at
// once. Its long form, which has the machine to itself, has the 99th percentile
// of what their messages take at most double by each attack; the short one, in a
// test run beside other tests, prints it.
func TestPressure(t *testing.T) {
	need(t, "nice")
	s := newServer(t, pressed)
	for _, name := range attackers {
		s.addUser(name, coretest.Password(name))
	}
	x := newChat(t, s)
	w := newWitness(t, s)
	<-time.After(time.Second) // the first messages open files
	_ = x.latency()
	unwanted, all := idle(t)
	<-time.After(spell())
	before := x.latency()
	unwantedNow, allNow := idle(t)
	calm := (unwantedNow - unwanted) / (allNow - all)
	w.base = max(w.base, w.peak.Swap(0)) // what the chat costs is no attacker's
	t.Logf("before: %v; %.0f %% of the machine are idle", before, 100*calm)
	press := func(t *testing.T, lasts time.Duration, most int64, names ...string) {
		t.Helper()
		_ = x.latency()
		var wg sync.WaitGroup
		for _, name := range names {
			wg.Go(func() {
				done, err := s.attack(t.Context(), name, lasts)
				if err != nil {
					t.Error(err)
				}
				t.Logf("%s: %s", name, done)
			})
		}
		wg.Wait()
		during := x.latency()
		t.Logf("%v; before, p99 %v", during, short(before.p99))
		want := answered
		if long() && len(names) == 1 {
			want = max(2*before.p99, tolerable)
		}
		if during.p99 > want {
			t.Errorf("p99 is %v, want at most %v", during.p99, want)
		}
		if least := int(lasts / pace * pairs / 2); during.n < least {
			t.Errorf("%d messages came, want at least %d", during.n, least)
		}
		w.checkWithin(t, most)
	}
	var names []string
	for _, a := range attacks {
		names = append(names, a.name)
		t.Run(a.name, func(t *testing.T) { press(t, spell(), swelling, a.name) })
	}
	t.Run("all at once", func(t *testing.T) { press(t, 2*spell(), swelling*3/2, names...) })
	x.end()
	t.Logf("afterwards: %v; %d messages in all, none lost", x.latency(), x.got.Load())
}
