// SPDX-License-Identifier: Apache-2.0

// Package server_contact_info tells whom to write to about the server
// (XEP-0157, version 1.1.1).
package server_contact_info

import (
	"fmt"
	"net/url"
	"slices"

	"tercet/config"
	"tercet/core/element"
	"tercet/core/module"
	"tercet/modules/disco"
)

// Module is the contact addresses module.
var Module = module.Define("server_contact_info", module.OnHost, options{}, load).OnComponents()

type options struct {
	Contacts contacts `lua:"contact_info" doc:"Table from role (abuse, admin, feedback, sales, security, status, support) to a list of URIs; without it the admins are told."`
	Admins   []string `lua:"admins" doc:"Bare JIDs of administrators: the contacts where contact_info names none."`
}

// contacts are URIs by role.
type contacts map[string][]string

var roles = [...]string{"abuse", "admin", "feedback", "sales", "security", "status", "support"}

// UnmarshalConfig reads a table of URIs or lists of them.
func (c *contacts) UnmarshalConfig(v config.Value) error {
	if v.Kind() != config.Table {
		return fmt.Errorf("want a table such as { abuse = \"mailto:abuse@example.org\" }, got %s", v)
	}
	*c = make(contacts)
	for _, f := range v.Fields() {
		if !slices.Contains(roles[:], f.Key) {
			return fmt.Errorf("contact_info.%s: there is no such role; there are %v", f.Key, roles)
		}
		list := []config.Value{f.Value}
		if f.Value.Kind() == config.Table {
			list = f.Value.List()
		}
		for _, item := range list {
			u, err := url.Parse(item.Str())
			if err != nil || u.Scheme == "" {
				return fmt.Errorf("contact_info.%s: want a URI such as \"mailto:admin@example.org\", got %s", f.Key, item)
			}
			(*c)[f.Key] = append((*c)[f.Key], item.Str())
		}
	}
	return nil
}

const (
	nsData = "jabber:x:data"
	nsInfo = "http://jabber.org/network/serverinfo"
)

func load(s *module.Scope, o options) error {
	all := o.Contacts
	if len(all) == 0 {
		all = make(contacts)
		for j := range s.Admins() {
			uri := url.URL{Scheme: "xmpp", Opaque: (&url.URL{Path: j.String()}).EscapedPath()}
			all["admin"] = append(all["admin"], uri.String())
		}
		slices.Sort(all["admin"])
	}
	if len(all) == 0 {
		return nil
	}
	b := element.New(nsData, "x").Attr("type", "result").
		Open(nsData, "field").Attr("type", "hidden").Attr("var", "FORM_TYPE").TextChild(nsData, "value", nsInfo).Close()
	for _, role := range roles {
		b.Open(nsData, "field").Attr("type", "list-multi").Attr("var", role+"-addresses")
		for _, uri := range all[role] {
			b.TextChild(nsData, "value", uri)
		}
		b.Close()
	}
	disco.Extensions.Add(s, b.Element())
	return nil
}
