// SPDX-License-Identifier: Apache-2.0

// Package welcome greets those who have registered an account.
package welcome

import (
	"context"
	"strings"

	"tercet/core/auth"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/stanza"
)

// Module is the welcome module.
var Module = module.Define("welcome", module.OnHost, options{Text: "Hello $username, welcome to the $host IM server!"}, load)

type options struct {
	Text string `lua:"welcome_message" doc:"What a new account is told; $username and $host are filled in."`
}

func load(s *module.Scope, o options) error {
	auth.Registered.Handle(s, 0, func(ctx context.Context, ev *auth.AccountEvent) ext.Verdict {
		to, err := jid.New(ev.User, s.Host.Name, "")
		if ev.Source == "control" || err != nil { // an admin's own doing is none of a client's
			return ext.Next
		}
		text := strings.NewReplacer("$username", ev.User, "$host", ev.Host, "$source", ev.Source).Replace(o.Text)
		body := element.New(element.NSClient, "body").Text(text).Element()
		s.Host.Send(ctx, stanza.New(stanza.Message, "", s.Host.JID, to, stanza.NewID(), body))
		return ext.Next
	})
	return nil
}
