// SPDX-License-Identifier: Apache-2.0

// Package motd greets each resource that comes online with the message of the
// day.
package motd

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/stanza"
	"tercet/core/storage"
	"tercet/modules/presence"
)

// Module is the message of the day module.
var Module = module.Define("motd", module.OnHost, options{}, load)

type options struct {
	Text string `lua:"motd_text" doc:"The message; without one nothing is sent, unless an admin has set one."`
	JID  string `lua:"motd_jid" doc:"JID that it comes from; without one, the host."`
}

type motd struct {
	scope *module.Scope
	store storage.KeyValue
	given string // by the config
	from  jid.JID
	now   atomic.Pointer[message] // nil: there is none
}

// A message is one of the day.
type message struct {
	text string
	body element.Element
}

func load(s *module.Scope, o options) error {
	m := &motd{scope: s, given: dedent(o.Text), from: s.Host.JID}
	var err error
	if o.JID != "" {
		if m.from, err = jid.Parse(o.JID); err != nil {
			return fmt.Errorf("motd_jid: %w", err)
		}
	}
	if m.store, err = s.KeyValue("motd"); err != nil {
		return err
	}
	if err := m.refresh(s.Context()); err != nil {
		return err
	}
	presence.Initial.Handle(s, 1, func(_ context.Context, ev *presence.InitialEvent) ext.Verdict {
		if now := m.now.Load(); now != nil {
			ev.Deliver(ev.Session, stanza.New(stanza.Message, "headline", m.from, ev.Session.JID, "", now.body))
		}
		return ext.Next
	})
	m.setCommands()
	return nil
}

// refresh takes what is stored, or what the config has.
func (m *motd) refresh(ctx context.Context) error {
	stored, err := m.store.Get(ctx, "")
	if err != nil {
		return fmt.Errorf("read the message of the day: %w", err)
	}
	text := m.given
	if stored != nil {
		text = string(stored)
	}
	if text == "" {
		m.now.Store(nil)
		return nil
	}
	m.now.Store(&message{text, element.New(element.NSClient, "body").Text(text).Element()})
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
