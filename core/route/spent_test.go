// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/route"
	"tercet/core/stanza"
)

// TestSpent: a handler that sends what it then handles is told when there is
// no use in it any more; what it sends all the same is dropped, and logged.
func TestSpent(t *testing.T) {
	var log strings.Builder
	h := route.NewHost(route.NewRouter(slog.New(slog.DiscardHandler)), jid.MustParse("example.org"), false, slog.New(slog.NewTextHandler(&log, nil)))
	h.Router.SetHosts(map[string]*route.Host{h.Name: h})
	s := ext.NewScope(t.Context(), "echo", h.Table)
	came, spent := 0, 0
	route.In[stanza.Message][route.ToHost].Handle(s, 0, func(ctx context.Context, ev *route.Event) ext.Verdict {
		if came++; ev.Spent() {
			spent++
		}
		ev.Send(ctx, ev.Stanza)
		return ext.Stop
	})
	if err := ext.Swap(h.Table, []ext.Change{{New: s}}); err != nil {
		t.Fatal(err)
	}
	h.Send(t.Context(), stanza.New(stanza.Message, "", h.JID, h.JID, ""))
	if came < 2 || came > 100 || spent != 1 || strings.Count(log.String(), "answer each other without end") != 1 {
		t.Errorf("%d came, %d of them were told; the log: %s", came, spent, log.String())
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
