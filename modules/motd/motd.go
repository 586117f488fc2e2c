// SPDX-License-Identifier: Apache-2.0

// Package motd greets each resource that comes online with the message of the
// day.
package motd

import (
	"context"
	"fmt"
	"strings"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/stanza"
	"tercet/modules/presence"
)

// Module is the message of the day module.
var Module = module.Define("motd", module.OnHost, options{}, load)

type options struct {
	Text string `lua:"motd_text" doc:"The message; without one nothing is sent."`
	JID  string `lua:"motd_jid" doc:"JID that it comes from; without one, the host."`
}

func load(s *module.Scope, o options) error {
	from := s.Host.JID
	if o.JID != "" {
		var err error
		if from, err = jid.Parse(o.JID); err != nil {
			return fmt.Errorf("motd_jid: %w", err)
		}
	}
	text := dedent(o.Text)
	if text == "" {
		return nil
	}
	body := element.New(element.NSClient, "body").Text(text).Element()
	presence.Initial.Handle(s, 1, func(_ context.Context, ev *presence.InitialEvent) ext.Verdict {
		ev.Deliver(ev.Session, stanza.New(stanza.Message, "headline", from, ev.Session.JID, "", body))
		return ext.Next
	})
	return nil
}

// dedent takes off the indentation that a long string has in a config.
func dedent(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}
