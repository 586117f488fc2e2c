// SPDX-License-Identifier: Apache-2.0

// Package register is the word for all that clients may do about accounts:
// those that exist may look after themselves, and where the config says so,
// clients may make more.
package register

import (
	"context"
	"slices"

	"tercet/config"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/stanza"
	"tercet/core/stream"
)

// Module loads the others.
var Module = module.Define("register", module.OnHost, options{}, load).Bringing(parts)

type options struct {
	Allow bool `lua:"allow_registration" doc:"Let clients make accounts."`
}

// parts are the modules that the word stands for.
func parts(c *config.Config, host string) []string {
	var o options
	config.Decode(c, host, &o) // what is wrong is reported for the module itself
	list := []string{"user_account_management"}
	if o.Allow {
		list = append(list, "register_ibr", "watchregistrations")
	}
	return slices.DeleteFunc(list, func(word string) bool { return config.Disabled(c, host, word) })
}

// load has a client told that it cannot register here, unless a module answers
// that comes first.
func load(s *module.Scope, _ options) error {
	stream.Early.Handle(s, element.Name{Space: "jabber:iq:register", Local: "query"}, -1, closed)
	return nil
}

func closed(_ context.Context, ev *stream.Event) ext.Verdict {
	b := element.New(element.NSClient, "iq").Attr("type", "error").Attr("id", ev.Element.Attr("id"))
	if to := ev.Element.Attr("to"); to != "" {
		b.Attr("from", to)
	}
	cause := stanza.Fail(stanza.ServiceUnavailable, "Registration is not open here.")
	ev.Stream.Send(b.Child(cause.Element()).Element())
	return ext.Stop
}
