// SPDX-License-Identifier: Apache-2.0

package modules_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/modules"
	"tercet/modules/guest/guesttest"
)

// nsStamp marks what the guests of this file put into stanzas.
const nsStamp = "urn:example:stamp"

// A crowd is clients that chat through both guests.
type crowd struct {
	*coretest.Server
	t         *testing.T
	port      int
	lua, wasm string // files
	pairs     [4]pair
	stop      chan struct{}
	senders   sync.WaitGroup

	mu     sync.Mutex // guards stamps
	stamps map[int]bool
}

// A pair is a client and another that it writes to.
type pair struct {
	from, to                           *coretest.Client
	sent, got, refused, shown, answers atomic.Int64
}

// Each tenth message is to be refused; with each tenth goes presence, with each
// twentieth a request.
const (
	refuseEach  = 10
	presentEach = 10
	askEach     = 20
)

func newCrowd(t *testing.T, lua, wasm []byte) *crowd {
	t.Helper()
	dir := t.TempDir()
	c := &crowd{t: t, port: freePort(t), lua: filepath.Join(dir, "mod_stamp.lua"), wasm: filepath.Join(dir, "filter.wasm"), stop: make(chan struct{}), stamps: make(map[int]bool)}
	guesttest.Write(t, c.lua, lua)
	guesttest.Write(t, c.wasm, wasm)
	config := stock + fmt.Sprintf(`
table.insert(modules_enabled, "stamp")
table.insert(modules_enabled, "filter")
plugin_paths = { %q }
bundled_plugin_paths = { }
lua_handler_timeout = "30s"
wasm_modules = { filter = { path = %q, memory = "1MB", limit = "10s", on_failure = "stop", allow = { "hook:*", "store" } } }
c2s_ports = { %d }
c2s_interfaces = { "127.0.0.1" }
`, dir, c.wasm, c.port)
	c.Server = coretest.New(t, config+guesttest.NewLog(t).Option("error"), modules.All...)
	clock := socketLogin(t, c.Server, c.port, "clock", "c")
	go func() {
		for {
			e, err := clock.Try(time.Hour)
			if err != nil {
				return
			}
			if e.Attr("type") == "get" {
				clock.Send("<iq type='result' id='" + e.Attr("id") + "' to='" + e.Attr("from") + "'/>")
			}
		}
	}()
	for i := range c.pairs {
		p := &c.pairs[i]
		p.from = socketLogin(t, c.Server, c.port, fmt.Sprint("from", i), "a")
		p.to = socketLogin(t, c.Server, c.port, fmt.Sprint("to", i), "b")
		c.senders.Go(func() { c.send(p) })
		go c.receive(p)
		go c.bounced(p)
	}
	return c
}

// inFlight is how many messages of a pair may be on their way.
const inFlight = 100

// send keeps to 1,000 messages a second of all pairs: ticks are lost on a busy
// machine, messages are not. Where that does not keep up it waits.
func (c *crowd) send(p *pair) {
	const each = time.Second * 4 / 1000
	begun, tick := time.Now(), time.NewTicker(each)
	defer tick.Stop()
	for {
		select {
		case <-c.stop:
			return
		case <-tick.C:
		}
		due := int64(time.Since(begun) / each)
		for p.sent.Load() < min(due, p.got.Load()+p.refused.Load()+inFlight) {
			n := p.sent.Add(1)
			body := "x"
			if n%refuseEach == 0 {
				body = "casino"
			}
			xml := fmt.Sprintf("<message to='%s' type='chat' id='%d'><body>%s</body></message>", p.to.JID, n, body)
			if n%presentEach == 0 {
				xml += fmt.Sprintf("<presence to='%s' id='%d'/>", p.to.JID, n/presentEach)
			}
			if n%askEach == 0 {
				xml += fmt.Sprintf("<iq type='get' to='example.org' id='%d'><count xmlns='%s'/></iq>", n/askEach, nsStamp)
			}
			p.from.Send(xml)
		}
	}
}

// receive takes what has come to the second of a pair: the next message that
// is not refused, with one number that no other has, and one mark.
func (c *crowd) receive(p *pair) {
	last := int64(0)
	for {
		e, err := p.to.Try(time.Hour)
		if err != nil {
			return
		}
		switch e.Local() {
		case "presence":
			if want := fmt.Sprint(p.shown.Add(1)); e.Attr("id") != want || marks(e, "stamp") != 1 {
				c.t.Errorf("got %s, want presence %s with a stamp", e, want)
			}
		case "message":
			if last++; last%refuseEach == 0 {
				last++
			}
			n, _ := strconv.Atoi(e.Child(nsStamp, "stamp").Attr("n"))
			if e.Attr("id") != fmt.Sprint(last) || marks(e, "stamp") != 1 || marks(e, "seen") != 1 || !c.first(n) {
				c.t.Errorf("got %s, want message %d with a stamp of its own", e, last)
			}
			p.got.Add(1)
		}
	}
}

func marks(e element.Element, name string) (n int) {
	for child := range e.Children() {
		if child.Is(nsStamp, name) {
			n++
		}
	}
	return n
}

// first reports whether a number has come for the first time.
func (c *crowd) first(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n == 0 || c.stamps[n] {
		return false
	}
	c.stamps[n] = true
	return true
}

// bounced takes what comes to the first of a pair: what is refused, and answers.
func (c *crowd) bounced(p *pair) {
	counted := 0
	for {
		e, err := p.from.Try(time.Hour)
		if err != nil {
			return
		}
		switch e.Local() {
		case "iq":
			n, err := strconv.Atoi(e.Child(nsStamp, "count").Attr("n"))
			if want := fmt.Sprint(p.answers.Add(1)); e.Attr("id") != want || e.Attr("type") != "result" || err != nil || n < counted {
				c.t.Errorf("got %s, want the result of %s and at least %d", e, want, counted)
			}
			counted = n
		case "message":
			want := fmt.Sprint(p.refused.Add(1) * refuseEach)
			if e.Attr("id") != want || e.Attr("type") != "error" || !strings.Contains(e.String(), "policy-violation") {
				c.t.Errorf("got %s, want message %s refused", e, want)
			}
		}
	}
}

// reload puts the files of versions in their places, and has them loaded by
// fn; what is broken must be told, and leaves all as it was.
func (c *crowd) reload(fn func(context.Context) error, versions ...version) {
	c.t.Helper()
	want := ""
	for i, v := range versions {
		if v.code != nil {
			guesttest.Write(c.t, [...]string{c.lua, c.wasm}[i], v.code)
		}
		if want == "" {
			want = v.want
		}
	}
	if err := fn(c.t.Context()); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		c.t.Errorf("got %v, want %q", err, want)
	}
}

// reloadUntil reloads both guests, one by one and both by the config, every 10
// ms if that is possible; each third time with one that is broken.
func (c *crowd) reloadUntil(end time.Time) (reloads, broken int) {
	luaGood, luaBad := luaVersions()
	wasmGood, wasmBad := wasmVersions(c.t)
	by := func(word string) func(context.Context) error {
		return func(ctx context.Context) error { return c.Env.Manager.Reload(ctx, coretest.Domain, word) }
	}
	byConfig := func(ctx context.Context) error {
		_, err := c.Reload(ctx)
		return err
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for n := 0; time.Now().Before(end) || n < 60; n++ { // each at least once
		k := n / 6
		lua, wasm := luaGood[k%2], wasmGood[k%2]
		switch n % 6 {
		case 0:
			c.reload(by("stamp"), lua)
		case 1:
			c.reload(by("filter"), version{}, wasm)
		case 2:
			c.reload(by("stamp"), luaBad[k%len(luaBad)])
			broken++
		case 3:
			c.reload(byConfig, lua, wasm)
		case 4:
			c.reload(by("filter"), version{}, wasmBad[k%len(wasmBad)])
			broken++
		case 5: // the good one of both must be taken back, too
			if k%2 == 0 {
				c.reload(byConfig, luaGood[(k+1)%2], wasmBad[k/2%len(wasmBad)])
			} else {
				c.reload(byConfig, luaBad[k/2%len(luaBad)], wasmGood[(k+1)%2])
			}
			broken++
		}
		reloads++
		<-tick.C
	}
	return reloads, broken
}

// TestReloadGuests reloads a module in Lua and a guest in WebAssembly all the
// time while 1,000 messages a second go through both, with presence, requests
// and timers: no stream is closed, no message lost, none doubled, each is
// treated by both, and a broken version leaves the one before in its place.
func TestReloadGuests(t *testing.T) {
	duration := 4 * time.Second
	if long() {
		duration = time.Minute
	}
	luaGood, _ := luaVersions()
	wasmGood, _ := wasmVersions(t)
	c := newCrowd(t, luaGood[0].code, wasmGood[0].code)
	begun := time.Now()
	reloads, broken := c.reloadUntil(begun.Add(duration))
	took := time.Since(begun)
	close(c.stop)
	c.senders.Wait()
	total, delivered := int64(0), int64(0)
	for i := range c.pairs {
		p := &c.pairs[i]
		sent := p.sent.Load()
		refused := sent / refuseEach
		coretest.Eventually(t, "all has arrived", func() bool {
			return p.got.Load() >= sent-refused && p.refused.Load() >= refused && p.shown.Load() >= sent/presentEach && p.answers.Load() >= sent/askEach
		})
		if p.got.Load() != sent-refused || p.refused.Load() != refused || p.shown.Load() != sent/presentEach || p.answers.Load() != sent/askEach {
			t.Errorf("pair %d: of %d messages %d have come, %d were refused; %d presences, %d answers", i, sent, p.got.Load(), p.refused.Load(), p.shown.Load(), p.answers.Load())
		}
		total, delivered = total+sent, delivered+sent-refused
	}
	if n := c.Env.Streams.Len(); n != 2*len(c.pairs)+1 {
		t.Errorf("%d streams are left, want %d", n, 2*len(c.pairs)+1)
	}
	c.tallies(total, delivered)
	coretest.Eventually(t, "replaced instances have ended", func() bool {
		for _, m := range c.Env.Manager.List() {
			if m.State != "loaded" {
				return false
			}
		}
		return true
	})
	t.Logf("%d messages in %v, %d reloads, %d of broken versions", total, took, reloads, broken)
}

// tallies compares what both guests have counted, over all their versions.
func (c *crowd) tallies(total, delivered int64) {
	c.t.Helper()
	last := socketLogin(c.t, c.Server, c.port, "last", "l")
	last.Send("<iq type='get' to='example.org' id='c'><count xmlns='" + nsStamp + "'/></iq><iq type='get' to='example.org' id='s'><stats xmlns='urn:example:filter'/></iq>")
	count := last.Next().Child(nsStamp, "count")
	if count.Attr("n") != fmt.Sprint(delivered) {
		c.t.Errorf("the module in Lua has counted %s messages, %d have gone through it", count.Attr("n"), delivered)
	}
	if n, _ := strconv.Atoi(count.Attr("answers")); n == 0 {
		c.t.Errorf("no request of the module in Lua was answered: %s", count)
	}
	if stats := last.Next().Child("urn:example:filter", "stats"); stats.Attr("n") != fmt.Sprint(total) {
		c.t.Errorf("the guest in WebAssembly has counted %s messages, %d have gone through it", stats.Attr("n"), total)
	}
}
