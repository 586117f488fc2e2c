// SPDX-License-Identifier: Apache-2.0

// Package register lets clients make accounts, where the admin allows it, and
// lets accounts change their password and remove themselves (XEP-0077, version
// 2.4).
package register

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tercet/config"
	"tercet/core/auth"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/iq"
	"tercet/core/module"
	"tercet/core/stanza"
	"tercet/core/storage"
	"tercet/core/stream"
	"tercet/modules/disco"
)

// Module is the registration module. Prosody has it in four parts.
var Module = module.Define("register", module.OnHost, defaults, load).
	Named("register_ibr", "register_limits", "user_account_management").
	Requiring("watchregistrations")

type options struct {
	Allow        bool          `lua:"allow_registration" doc:"Let clients make accounts."`
	Title        string        `lua:"registration_title" doc:"Title of the form."`
	Instructions string        `lua:"registration_instructions" doc:"What the form tells people."`
	Extra        []string      `lua:"additional_registration_fields" doc:"Further fields to ask for, of those in XEP-0077 (nick, name, first, last, email, address, city, state, zip, phone, url, date); with a + behind it a field must be filled in."`
	Encryption   bool          `lua:"c2s_require_encryption,require_encryption" doc:"Register on encrypted streams only."`
	Compat       bool          `lua:"registration_compat" doc:"Let clients address the host instead of their own account to change it."`
	Apart        time.Duration `lua:"min_seconds_between_registrations" min:"0" doc:"Time between two registrations from one address: short for the two options of the throttle."`
	Max          int           `lua:"registration_throttle_max" min:"0" doc:"Attempts from one IPv4 address or IPv6 /64 within the period; 0 is no limit."`
	Period       time.Duration `lua:"registration_throttle_period" min:"0" doc:"That period."`
	Addresses    int           `lua:"registration_throttle_cache_size" min:"1" doc:"Addresses whose attempts are remembered."`
	Overload     bool          `lua:"blocklist_on_registration_throttle_overload,blacklist_on_registration_throttle_overload" doc:"Refuse an address for good, until a restart, that is forgotten while it is over the limit."`
	Allowed      networks      `lua:"registration_allowlist,registration_whitelist" type:"list of networks" doc:"Addresses and networks without a limit."`
	Blocked      networks      `lua:"registration_blocklist,registration_blacklist" type:"list of networks" doc:"Addresses and networks that may not register."`
	AllowedOnly  bool          `lua:"allowlist_registration_only,whitelist_registration_only" doc:"Nobody but those on the allowlist may register."`
}

var defaults = options{
	Title: "Creating a new account", Instructions: "Choose a username and password for use with this service.",
	Encryption: true, Compat: true, Addresses: 100, Allowed: mustNetworks("127.0.0.1", "::1"),
}

// Check says what tags cannot.
func (o *options) Check(c *config.Check) {
	for _, f := range o.Extra {
		if _, ok := labels[strings.TrimSuffix(f, "+")]; !ok {
			c.At("additional_registration_fields").Errorf("no field is called %q", f)
		}
	}
	if o.Apart > 0 {
		if !c.Has("registration_throttle_max") {
			o.Max = 1
		}
		if !c.Has("registration_throttle_period") {
			o.Period = o.Apart
		}
	}
	if o.Max > 0 && o.Period == 0 {
		c.At("registration_throttle_max").Errorf("needs registration_throttle_period")
	}
}

const (
	ns        = "jabber:iq:register"
	nsFeature = "http://jabber.org/features/iq-register"
	nsForm    = "jabber:x:data" // XEP-0004
)

var name = element.Name{Space: ns, Local: "query"}

// maxAttempts is how often one stream may ask; afterwards it ends.
const maxAttempts = 20

// register is the module on a host.
type register struct {
	options
	scope   *module.Scope
	details storage.KeyValue // of accounts: what else they gave
	limits  *limits
}

func load(s *module.Scope, o options) error {
	details, err := s.KeyValue("account_details")
	if err != nil {
		return err
	}
	m := &register{o, s, details, perHost.Of(s.Host)}
	disco.Feature.Add(s, ns)
	iq.Handle(s, iq.Get|iq.Set, iq.Self, name, m.own)
	if o.Compat {
		iq.Handle(s, iq.Get|iq.Set, iq.Host, name, m.own)
	}
	stream.Early.Handle(s, name, 0, m.early)
	if o.Allow {
		stream.Features.Handle(s, -5, m.feature) // behind the mechanisms
		Registering.Handle(s, 0, m.limit)
	}
	return nil
}

var feature = element.New(nsFeature, "register").Element()

func (m *register) feature(_ context.Context, ev *stream.FeaturesEvent) ext.Verdict {
	if st := ev.Stream; st.Kind() == "c2s" && st.User() == "" && (st.Secured || !m.Encryption) {
		ev.Add(feature)
	}
	return ext.Next
}

// own answers an account about itself (XEP-0077 sections 3.2 and 3.3).
func (m *register) own(ctx context.Context, r *iq.Request) (element.Element, error) {
	if r.Origin == nil || r.From.Domain() != m.scope.Host.Name {
		return element.Element{}, stanza.Fail(stanza.NotAllowed, "")
	}
	user := r.From.Local()
	if r.Stanza.Type == "get" {
		return element.New(ns, "query").Open(ns, "registered").Close().
			TextChild(ns, "username", user).Open(ns, "password").Element(), nil
	}
	accounts, err := m.scope.Env.Accounts(m.scope.Host)
	if err != nil {
		return element.Element{}, refusal(err)
	}
	if remove := r.Payload.Child(ns, "remove"); !remove.IsZero() {
		return m.remove(ctx, r, accounts)
	}
	username, hasName := childText(r.Payload, "username")
	password, hasPassword := childText(r.Payload, "password")
	if prepared, err := auth.PrepUser(username); !hasName || !hasPassword || err != nil || prepared != user {
		return element.Element{}, stanza.Fail(stanza.BadRequest, "")
	}
	if err := accounts.ChangePassword(ctx, user, password, m.actor(r.Origin.Stream()), r.Origin.Stream()); err != nil {
		return element.Element{}, refusal(err)
	}
	return element.Element{}, nil
}

// remove ends the account that asks (XEP-0077 section 3.2). The answer goes out
// when all is gone, and so after the session.
func (m *register) remove(ctx context.Context, r *iq.Request, accounts *module.Accounts) (element.Element, error) {
	n := 0
	for range r.Payload.Children() {
		n++
	}
	st := r.Origin.Stream()
	switch {
	case n > 1:
		return element.Element{}, stanza.Fail(stanza.BadRequest, "remove stands alone")
	case st == nil:
		return element.Element{}, iq.ErrLater // the client is gone, and may ask again
	}
	user := r.From.Local()
	err := accounts.Remove(context.WithoutCancel(ctx), user, m.actor(st), st)
	if err != nil && !r.Origin.Ended() {
		return element.Element{}, refusal(err)
	}
	answer := stanza.Result(r.Stanza, element.Element{})
	if err != nil {
		m.scope.Log.ErrorContext(ctx, "account not removed whole", "jid", r.From.Bare().String(), "err", err)
		answer = stanza.ErrorReply(r.Stanza, stanza.Fail(stanza.InternalServerError, ""))
	} else {
		m.scope.Log.InfoContext(ctx, "account removed", "jid", r.From.Bare().String())
	}
	st.Write(answer.AppendTo(nil))
	st.End(stream.Fail(stream.NotAuthorized, "the account was removed"))
	return element.Element{}, iq.ErrLater
}

// actor is who changes accounts, for the modules that are told.
func (m *register) actor(st *stream.Stream) module.Actor {
	a := module.Actor{Source: "register"}
	if st != nil {
		a.Remote = st.Remote.Addr().Unmap()
	}
	return a
}

// refusal is what a client is told of an error of the credential provider.
func refusal(err error) error {
	switch {
	case errors.Is(err, auth.ErrNotSupported):
		return stanza.Fail(stanza.NotAllowed, "Accounts cannot be changed here.")
	case errors.Is(err, auth.ErrExists):
		return stanza.Fail(stanza.Conflict, "The requested username already exists.")
	case errors.Is(err, auth.ErrPassword):
		return stanza.Fail(stanza.NotAcceptable, "The password cannot be used.")
	case errors.Is(err, auth.ErrNoAccount):
		return stanza.Fail(stanza.RegistrationRequired, "")
	}
	return err
}

func childText(e element.Element, local string) (string, bool) {
	c := e.Child(ns, local)
	return c.Text(), !c.IsZero()
}

// A detail is what account_details holds of an account.
type detail struct {
	Registered time.Time         `json:"registered"`
	Fields     map[string]string `json:"fields,omitempty"`
}

func (m *register) keep(ctx context.Context, user string, fields map[string]string) error {
	err := storage.JSON[detail](m.details).Set(ctx, user, detail{time.Now().UTC(), fields})
	if err != nil {
		return fmt.Errorf("keep details of %s: %w", user, err)
	}
	return nil
}
