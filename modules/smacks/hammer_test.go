// SPDX-License-Identifier: Apache-2.0

package smacks_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/modules"
)

// A client that is cut off and resumes fifty times under traffic in both
// directions loses nothing and gets nothing twice. The old stream is still at
// work at every other resumption.
func TestNothingIsLostOrDoubledUnderFire(t *testing.T) {
	const cuts, each = 50, 20
	s := coretest.New(t, config+"smacks_max_queue_size = 100000\n", modules.All...)
	juliet, romeo := s.Login("juliet", "balcony"), s.Login("romeo", "orchard")
	id := enable(t, romeo)
	done := make(chan struct{})
	go func() { // juliet writes all the time
		defer close(done)
		for n := range cuts * each {
			juliet.Send("<message to='romeo@example.org/orchard' type='chat' id='j" + strconv.Itoa(n) + "'><body>x</body></message>")
			if n%each == 0 {
				time.Sleep(time.Millisecond)
			}
		}
	}()
	var h, acked uint32 // what romeo has got, and what the server has confirmed
	sent, next := uint32(0), 0
	take := func(c *coretest.Client, wait time.Duration) bool {
		e, err := c.Try(wait)
		if err != nil {
			return false
		}
		switch {
		case e.Is(sm, "r"):
			c.Send("<a xmlns='urn:xmpp:sm:3' h='" + strconv.FormatUint(uint64(h), 10) + "'/>")
		case e.Local() == "message":
			if e.Attr("id") != "j"+strconv.Itoa(next) {
				t.Fatalf("got %s, want j%d", e.Attr("id"), next)
			}
			next++
			h++
		}
		return true
	}
	say := func(c *coretest.Client, from uint32) {
		b := new(strings.Builder)
		for n := from; n < sent; n++ {
			b.WriteString("<message to='juliet@example.org/balcony' type='chat' id='r" + strconv.Itoa(int(n)) + "'><body>x</body></message>")
		}
		c.Send(b.String())
	}
	for cut := range cuts {
		from := sent
		sent += 3
		say(romeo, from)
		for range cut % 7 {
			take(romeo, time.Second)
		}
		if cut%2 == 0 {
			_ = romeo.Conn.Close() // what is on its way is lost
		}
		back := again(t, s, "romeo")
		e := resume(back, id, strconv.FormatUint(uint64(h), 10))
		if e.Local() != "resumed" {
			t.Fatalf("cut %d: got %s, want resumed", cut, e)
		}
		n, err := strconv.ParseUint(e.Attr("h"), 10, 32)
		if err != nil || uint32(n) < acked || uint32(n) > sent {
			t.Fatalf("cut %d: h is %s, want %d to %d", cut, e.Attr("h"), acked, sent)
		}
		acked, romeo = uint32(n), back
		say(romeo, acked)
	}
	for next < cuts*each {
		if !take(romeo, 10*time.Second) {
			t.Fatalf("got %d messages, want %d", next, cuts*each)
		}
	}
	<-done
	for n := range sent {
		if e := juliet.Next(); e.Attr("id") != "r"+strconv.Itoa(int(n)) {
			t.Fatalf("juliet got %s, want r%d", e.Attr("id"), n)
		}
	}
	juliet.Quiet()
}
