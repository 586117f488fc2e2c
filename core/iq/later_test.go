// SPDX-License-Identifier: Apache-2.0

package iq_test

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/core/iq"
	"tercet/core/module"
	"tercet/core/stanza"
	"tercet/modules"
)

// Requests are answered from other goroutines, when their handler has returned
// and the client sends nothing more: nobody else flushes what is answered.
func TestLater(t *testing.T) {
	asked := make(chan *iq.Request, 1)
	probe := module.Define("probe", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		iq.Handle(s, iq.Get, iq.Host, name, func(_ context.Context, r *iq.Request) (element.Element, error) {
			asked <- r
			return element.Element{}, iq.ErrLater
		})
		return nil
	})
	s := coretest.New(t, `modules_enabled = { "probe", "ping" }`, append([]module.Definition{probe}, modules.All...)...)
	c := s.Login("romeo", "orchard")
	request := func(id, payload string) string {
		return "<iq type='get' id='" + id + "' to='example.org'>" + payload + "</iq>"
	}
	// returned has the reader be done with all that was sent before.
	returned := func() {
		c.Send(request("ping", "<ping xmlns='urn:xmpp:ping'/>"))
		if e := c.Next(); e.Attr("id") != "ping" {
			t.Fatalf("got %s before the answer to ping", e)
		}
	}
	for i, tt := range []struct {
		what string
		err  error
		want string
	}{
		{"result", nil, "result"},
		{"error", stanza.Fail(stanza.Forbidden, ""), "error"},
	} {
		id := strconv.Itoa(i)
		c.Send(request(id, payload("asked").String()))
		r := <-asked
		returned()
		r.Later().Answer(t.Context(), payload("late"), tt.err)
		if e := c.Next(); e.Attr("id") != id || e.Attr("type") != tt.want || e.Attr("from") != coretest.Domain {
			t.Errorf("%s: got %s", tt.what, e)
		}
	}

	// At any time, beside the reader.
	var all sync.WaitGroup
	const n = 20
	for i := range n {
		c.Send(request(strconv.Itoa(i), payload("asked").String()))
		r := <-asked
		all.Go(func() { r.Later().Answer(t.Context(), payload("late"), nil) })
	}
	all.Wait()
	seen := make(map[string]bool)
	for range n {
		e := c.Next()
		if seen[e.Attr("id")] || e.Attr("type") != "result" || e.First().Text() != "late" {
			t.Fatalf("got %s", e)
		}
		seen[e.Attr("id")] = true
	}
	returned()
}
