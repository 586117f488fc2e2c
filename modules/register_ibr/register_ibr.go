// SPDX-License-Identifier: Apache-2.0

// Package register_ibr lets clients make accounts (XEP-0077, version 2.4).
package register_ibr

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tercet/config"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/storage"
	"tercet/core/stream"
)

// Module is the registration of accounts by clients.
var Module = module.Define("register_ibr", module.OnHost, options{
	Title: "Creating a new account", Instructions: "Choose a username and password for use with this service.", Encryption: true,
}, load).Bringing(func(c *config.Config, host string) []string {
	if config.Disabled(c, host, "register_limits") {
		return nil
	}
	return []string{"register_limits"}
})

type options struct {
	Allow        bool     `lua:"allow_registration" doc:"Let everybody make accounts. Otherwise those may whom another module lets in, by an invitation for example."`
	Title        string   `lua:"registration_title" doc:"Title of the form."`
	Instructions string   `lua:"registration_instructions" doc:"What the form tells people."`
	Extra        []string `lua:"additional_registration_fields" doc:"Further fields to ask for, of those in XEP-0077 (nick, name, first, last, email, address, city, state, zip, phone, url, date); with a + behind it a field must be filled in."`
	Encryption   bool     `lua:"c2s_require_encryption,require_encryption" doc:"Register on encrypted streams only."`
}

// Check says what tags cannot.
func (o *options) Check(c *config.Check) {
	for _, f := range o.Extra {
		if _, ok := labels[strings.TrimSuffix(f, "+")]; !ok {
			c.At("additional_registration_fields").Errorf("no field is called %q", f)
		}
	}
}

const (
	ns        = "jabber:iq:register"
	nsFeature = "http://jabber.org/features/iq-register"
	nsForm    = "jabber:x:data" // XEP-0004
)

// maxAttempts is how often one stream may ask; afterwards it ends.
const maxAttempts = 20

// register is the module on a host.
type register struct {
	options
	scope   *module.Scope
	details storage.Typed[detail] // of accounts: what else they gave
}

func load(s *module.Scope, o options) error {
	details, err := s.KeyValue("account_details")
	if err != nil {
		return err
	}
	m := &register{o, s, storage.JSON[detail](details)}
	stream.Early.Handle(s, element.Name{Space: ns, Local: "query"}, 0, m.early)
	stream.Features.Handle(s, -5, m.feature) // behind the mechanisms
	return nil
}

// open reports whether anybody may register at all.
func (m *register) open(p ext.Pass) bool {
	if m.Allow {
		return true
	}
	for range Gates.All(p) {
		return true
	}
	return false
}

var feature = element.New(nsFeature, "register").Element()

func (m *register) feature(_ context.Context, ev *stream.FeaturesEvent) ext.Verdict {
	if st := ev.Stream; st.Kind() == "c2s" && st.User() == "" && (st.Secured || !m.Encryption) && m.open(ev.Pass) {
		ev.Add(feature)
	}
	return ext.Next
}

// A detail is what account_details holds of an account.
type detail struct {
	Registered time.Time         `json:"registered"`
	Fields     map[string]string `json:"fields,omitempty"`
}

func (m *register) keep(ctx context.Context, user string, fields map[string]string) error {
	if err := m.details.Set(ctx, user, detail{time.Now().UTC(), fields}); err != nil {
		return fmt.Errorf("keep details of %s: %w", user, err)
	}
	return nil
}
