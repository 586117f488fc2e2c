// SPDX-License-Identifier: Apache-2.0

// Package watchregistrations tells admins of accounts that clients have
// registered.
package watchregistrations

import (
	"context"
	"strings"

	"tercet/config"
	"tercet/core/auth"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/stanza"
)

// Module is the watchregistrations module.
var Module = module.Define("watchregistrations", module.OnHost, defaults, load)

type options struct {
	Watchers config.Set `lua:"registration_watchers" doc:"JIDs that are told; without it the admins of the host."`
	From     string     `lua:"registration_from" doc:"JID that tells them; without it the host."`
	Text     string     `lua:"registration_notification" doc:"What they are told; $username, $host, $ip and $source are filled in."`
	Type     string     `lua:"registration_notification_type" enum:"chat|normal|headline" doc:"Type of the message."`

	named bool // registration_watchers was given
}

var defaults = options{Text: "User $username just registered on $host from $ip", Type: "chat"}

// Check says what tags cannot.
func (o *options) Check(c *config.Check) {
	o.named = c.Has("registration_watchers")
	for _, w := range o.Watchers {
		if _, err := jid.Parse(w); err != nil {
			c.At("registration_watchers").Errorf("%q is no JID", w)
		}
	}
	if _, err := jid.Parse(o.From); o.From != "" && err != nil {
		c.At("registration_from").Errorf("%q is no JID", o.From)
	}
}

func load(s *module.Scope, o options) error {
	from := s.Host.JID
	if o.From != "" {
		from, _ = jid.Parse(o.From) // Check has seen it
	}
	named := make(map[jid.JID]bool)
	for _, w := range o.Watchers {
		j, _ := jid.Parse(w) // as above
		named[j] = true
	}
	auth.Registered.Handle(s, 0, func(ctx context.Context, ev *auth.AccountEvent) ext.Verdict {
		if ev.Source == "control" { // an admin's own doing
			return ext.Next
		}
		ip := "an unknown address"
		if ev.Remote.IsValid() {
			ip = ev.Remote.String()
		}
		text := strings.NewReplacer("$username", ev.User, "$host", ev.Host, "$ip", ip, "$source", ev.Source).Replace(o.Text)
		body := element.New(element.NSClient, "body").Text(text).Element()
		watchers := named
		if !o.named {
			watchers = s.Admins()
		}
		for to := range watchers {
			s.Host.Send(ctx, stanza.New(stanza.Message, o.Type, from, to, stanza.NewID(), body))
		}
		return ext.Next
	})
	return nil
}
