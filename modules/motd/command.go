// SPDX-License-Identifier: Apache-2.0

package motd

import (
	"context"
	"fmt"
	"strings"

	"tercet/core/form"
	"tercet/core/stanza"
	"tercet/modules/adhoc"
)

const nsAdmin = "http://jabber.org/protocol/admin" // XEP-0133

// maxText is how long a message of the day may be, in bytes.
const maxText = 16 << 10

// setCommands sets the commands of XEP-0133 sections 4.24 to 4.26.
func (m *motd) setCommands() {
	set := func(what, name string, run adhoc.Run) {
		adhoc.Commands.Set(m.scope, nsAdmin+"#"+what+"-motd", adhoc.Command{Name: name, Permission: adhoc.Admin, Run: run})
	}
	set("set", "Set Message of the Day", adhoc.Asking(adhoc.Fixed(asked("Setting", "set", "")), m.write(true)))
	set("edit", "Edit Message of the Day", adhoc.Asking(func(context.Context, *adhoc.Call) (form.Form, error) {
		text := ""
		if now := m.now.Load(); now != nil {
			text = now.text
		}
		return asked("Editing", "edit", text), nil
	}, m.write(false)))
	set("delete", "Delete Message of the Day", adhoc.One(adhoc.Later(m.scope.Scope, m.remove)))
}

func asked(doing, what, text string) form.Form {
	return form.Form{
		Type: nsAdmin, Title: doing + " the Message of the Day", Instructions: "Fill out this form to " + what + " the message of the day.",
		Fields: []form.Field{{Name: "motd", Kind: form.TextMulti, Label: "Message of the Day", Required: true, Values: form.Lines(text)}},
	}
}

// write stores what an admin has written; announced, those who are online get
// it at once.
func (m *motd) write(announced bool) func(context.Context, *adhoc.Call, form.Values) (adhoc.Reply, error) {
	return func(ctx context.Context, c *adhoc.Call, given form.Values) (adhoc.Reply, error) {
		text := strings.TrimSpace(given.Text("motd"))
		switch {
		case text == "":
			return adhoc.Reply{}, adhoc.BadPayload("motd: Required value missing")
		case len(text) > maxText:
			return adhoc.Reply{}, adhoc.BadPayload(fmt.Sprintf("motd: more than %d bytes", maxText))
		}
		return adhoc.Later(m.scope.Scope, func(ctx context.Context, c *adhoc.Call) (adhoc.Reply, error) {
			if err := m.put(ctx, c, []byte(text)); err != nil {
				return adhoc.Reply{}, err
			}
			if announced {
				m.announce(ctx)
			}
			return adhoc.Done("The message of the day is set"), nil
		})(ctx, c)
	}
}

// remove forgets what an admin has set.
func (m *motd) remove(ctx context.Context, c *adhoc.Call) (adhoc.Reply, error) {
	if err := m.put(ctx, c, nil); err != nil {
		return adhoc.Reply{}, err
	}
	if m.given != "" {
		return adhoc.Done("The message of the day is that of the config again"), nil
	}
	return adhoc.Done("The message of the day is deleted"), nil
}

// put stores a text, or none, and has it in force.
func (m *motd) put(ctx context.Context, c *adhoc.Call, text []byte) error {
	if err := m.store.Set(ctx, "", text); err != nil {
		return fmt.Errorf("store the message of the day: %w", err)
	}
	m.scope.Log.InfoContext(ctx, "message of the day changed", "jid", c.From.String())
	return m.refresh(ctx)
}

// announce sends the message to each resource that is online.
func (m *motd) announce(ctx context.Context) {
	now := m.now.Load()
	if now == nil {
		return
	}
	for s := range m.scope.Host.Sessions.All() {
		if s.Available() && ctx.Err() == nil {
			m.scope.Host.Send(ctx, stanza.New(stanza.Message, "headline", m.from, s.JID, "", now.body))
		}
	}
}
