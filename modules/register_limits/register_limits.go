// SPDX-License-Identifier: Apache-2.0

// Package register_limits refuses registrations by the address that they come
// from.
package register_limits

import (
	"context"
	"time"

	"tercet/config"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/stanza"
	"tercet/modules/register_ibr"
)

// Module is the limits of registration.
var Module = module.Define("register_limits", module.OnHost, options{Addresses: 100, Allowed: mustNetworks("127.0.0.1", "::1")}, load)

type options struct {
	Apart       time.Duration `lua:"min_seconds_between_registrations" min:"0" doc:"Time between two registrations from one address: short for the two options of the throttle."`
	Max         int           `lua:"registration_throttle_max" min:"0" doc:"Attempts from one IPv4 address or IPv6 /64 within the period; 0 is no limit."`
	Period      time.Duration `lua:"registration_throttle_period" min:"0" doc:"That period."`
	Addresses   int           `lua:"registration_throttle_cache_size" min:"1" doc:"Addresses whose attempts are remembered."`
	Overload    bool          `lua:"blocklist_on_registration_throttle_overload,blacklist_on_registration_throttle_overload" doc:"Refuse an address for good, until a restart, that is forgotten while it is over the limit."`
	Allowed     networks      `lua:"registration_allowlist,registration_whitelist" type:"list of networks" doc:"Addresses and networks without a limit."`
	Blocked     networks      `lua:"registration_blocklist,registration_blacklist" type:"list of networks" doc:"Addresses and networks that may not register."`
	AllowedOnly bool          `lua:"allowlist_registration_only,whitelist_registration_only" doc:"Nobody but those on the allowlist may register."`
}

// Check says what tags cannot.
func (o *options) Check(c *config.Check) {
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

func load(s *module.Scope, o options) error {
	all := perHost.Of(s.Host)
	register_ibr.Registering.Handle(s, 0, func(_ context.Context, ev *register_ibr.Event) ext.Verdict {
		if ev.Err == nil {
			ev.Err = o.refuse(all, ev)
		}
		return ext.Verdict(ev.Err != nil)
	})
	return nil
}

// refuse is why somebody may not register, nil if he may.
func (o *options) refuse(all *limits, ev *register_ibr.Event) *stanza.Error {
	switch {
	case o.Blocked.contain(ev.Remote) || all.isBlocked(ev.Remote):
		return stanza.Fail(stanza.Forbidden, "Your IP address is blocklisted")
	case o.Allowed.contain(ev.Remote):
	case o.AllowedOnly:
		return stanza.Fail(stanza.Forbidden, "Your IP address is not allowlisted")
	case o.Max > 0 && !all.take(ev.Remote, *o, time.Now()):
		cause := stanza.Fail(stanza.PolicyViolation, "Too many registrations from this IP address recently")
		cause.Type = "wait"
		return cause
	}
	return nil
}
