// SPDX-License-Identifier: Apache-2.0

package sasl_test

import (
	"context"
	"slices"
	"testing"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/stream"
	"tercet/modules"
)

// before has fn run before what the module does with a client's message.
func before(local string, fn func(*stream.Event)) module.Definition {
	return module.Define("before", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		stream.Nonza.Handle(s, element.Name{Space: nsSASL, Local: local}, 1, func(_ context.Context, ev *stream.Event) ext.Verdict {
			fn(ev)
			return ext.Next
		})
		return nil
	})
}

// A stream that ends between a message and the mechanism's work on it, by a
// panic or by an error, does not keep the module from closing.
func TestHold(t *testing.T) {
	for _, tt := range []struct {
		name, local, send, want string
		then                    func(context.Context) error
	}{
		{"a panic before a step", "auth", "<auth xmlns='" + nsSASL + "' mechanism='PLAIN'>AGEAYg==</auth>", "internal-server-error", func(context.Context) error { panic("on purpose") }},
		{"a panic before a refusal", "abort", "<abort xmlns='" + nsSASL + "'/>", "internal-server-error", func(context.Context) error { panic("on purpose") }},
		{"an error before a step", "auth", "<auth xmlns='" + nsSASL + "' mechanism='PLAIN'>AGEAYg==</auth>", "reset", func(context.Context) error { return stream.Fail(stream.Reset, "") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			burst := before(tt.local, func(ev *stream.Event) { ev.Stream.Then(tt.then) })
			s := coretest.New(t, "modules_enabled = { \"before\" }\nlog = { { levels = { \"error\" }, to = \"file\", filename = \"x.log\" } }\n", append([]module.Definition{burst}, modules.All...)...)
			c := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
			c.Open()
			c.Send(tt.send)
			if cause := c.Ended(); cause.First().Local() != tt.want {
				t.Errorf("the stream ended with %s, want %s", cause, tt.want)
			}
			if err := s.Env.Manager.Reload(t.Context(), coretest.Domain, "sasl"); err != nil {
				t.Fatal(err)
			}
			coretest.Eventually(t, "the old instance is closed", func() bool {
				return !slices.ContainsFunc(s.Env.Manager.List(), func(x module.Status) bool { return x.State == "closing" })
			})
		})
	}
}

// The module goes between a message and the work on it: the client is told to
// try again, and its next message meets the new instance.
func TestClosedBetween(t *testing.T) {
	var s *coretest.Server
	first := true // the stream's goroutine has it
	reload := before("auth", func(ev *stream.Event) {
		ev.Stream.Then(func(ctx context.Context) error {
			if !first {
				return nil
			}
			first = false
			if err := s.Env.Manager.Reload(ctx, coretest.Domain, "sasl"); err != nil {
				t.Error(err)
			}
			coretest.Eventually(t, "the old instance is closed", func() bool {
				return !slices.ContainsFunc(s.Env.Manager.List(), func(x module.Status) bool { return x.State == "closing" })
			})
			return nil
		})
	})
	s = coretest.New(t, "modules_enabled = { \"before\" }\n", append([]module.Definition{reload}, modules.All...)...)
	s.AddUser(coretest.Domain, "a", "b")
	c := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
	c.Open()
	c.Send("<auth xmlns='" + nsSASL + "' mechanism='PLAIN'>AGEAYg==</auth>")
	if e := c.Next(); e.Local() != "failure" || e.First().Local() != "temporary-auth-failure" {
		t.Fatalf("got %s", e)
	}
	c.Send("<auth xmlns='" + nsSASL + "' mechanism='PLAIN'>AGEAYg==</auth>")
	if e := c.Next(); e.Local() != "success" {
		t.Errorf("the second time: %s", e)
	}
}
