// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"tercet/core/jid"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/core/transport"
)

// TestInLane: a handler runs at once in a free lane, and in a taken one after
// who has it, with a copy of the event that shares nothing of the sender's.
func TestInLane(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	h := route.NewHost(route.NewRouter(log), jid.MustParse("example.org"), false, log)
	var order []string
	done := make(chan struct{})
	cork := new(transport.Cork)
	h.Within(stanza.New(stanza.Presence, "", jid.JID{}, jid.JID{}, ""), func(ev *route.Event) {
		ev.Cork = cork
		ev.InLane(t.Context(), "romeo", func(ctx context.Context, now *route.Event) {
			order = append(order, "first")
			if now != ev || now.Cork != cork {
				t.Error("in a free lane the event is a copy")
			}
			now.InLane(ctx, "romeo", func(_ context.Context, later *route.Event) {
				defer close(done)
				order = append(order, "third")
				if later == ev || later.Cork != nil || later.Stanza != ev.Stanza {
					t.Errorf("what waited has %+v", later)
				}
			})
			order = append(order, "second")
		})
	})
	<-done // who waited has a goroutine of his own
	if want := []string{"first", "second", "third"}; !slices.Equal(order, want) {
		t.Errorf("order is %q, want %q", order, want)
	}
}
