// SPDX-License-Identifier: Apache-2.0

// Package sasl authenticates client streams (RFC 6120 section 6). The
// mechanisms are modules, and so are the accounts that they ask.
package sasl

import (
	"net/netip"
	"sync/atomic"
	"time"

	"tercet/config"
	"tercet/core/element"
	"tercet/core/module"
	"tercet/core/slot"
	"tercet/core/stream"
)

// Module is the SASL module; Prosody calls it saslauth.
var Module = module.Define("sasl", module.OnHost, defaults, load).Named("saslauth").Auto()

type options struct {
	Encryption  bool          `lua:"c2s_require_encryption,require_encryption" doc:"Refuse clients that do not encrypt."`
	Disabled    config.Set    `lua:"disable_sasl_mechanisms" doc:"Mechanisms that are never offered, by their names."`
	Insecure    config.Set    `lua:"insecure_sasl_mechanisms" doc:"Mechanisms that are not offered on streams without TLS."`
	Unsecured   bool          `lua:"allow_unencrypted_plain_auth" doc:"Without insecure_sasl_mechanisms: there are none."`
	MaxFailures int           `lua:"c2s_max_auth_failures" min:"0" doc:"Failed logins from one IPv4 address or IPv6 /64, after which it may not try for some time; 0 is no limit."`
	Ban         time.Duration `lua:"c2s_auth_ban_lifetime" min:"1s" doc:"That time, and the time within which failures are counted."`
	Unlimited   networks      `lua:"auth_limit_allow" type:"list of networks" doc:"Addresses and networks that are never banned."`
	FQDN        config.Value  `lua:"fqdn" doc:"Without effect: it is for DIGEST-MD5, which is not offered."`
}

var defaults = options{
	Encryption: true,
	Disabled:   config.Set{"DIGEST-MD5"}, Insecure: config.Set{"LOGIN", "PLAIN"},
	MaxFailures: 20, Ban: time.Hour,
}

// Check says what tags cannot.
func (o *options) Check(c *config.Check) {
	if o.Unsecured && !c.Has("insecure_sasl_mechanisms") {
		o.Insecure = nil
	}
	if c.Has("fqdn") {
		c.At("fqdn").Warnf("without effect: DIGEST-MD5 is not offered")
	}
}

// networks are addresses and networks.
type networks []netip.Prefix

// UnmarshalConfig reads a string or a list of them.
func (n *networks) UnmarshalConfig(v config.Value) error {
	items := []config.Value{v}
	if v.Kind() == config.Table {
		items = v.List()
	}
	var all networks
	for _, item := range items {
		p, err := netip.ParsePrefix(item.Str())
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(item.Str()); err == nil {
				p = netip.PrefixFrom(a.WithZone(""), a.BitLen())
			}
		}
		if item.Kind() != config.String || err != nil {
			return config.Errorf(item, `want an address or a network such as "192.0.2.0/24", got %s`, item)
		}
		all = append(all, p.Masked())
	}
	*n = all
	return nil
}

func (n networks) contain(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range n {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

const (
	nsSASL    = "urn:ietf:params:xml:ns:xmpp-sasl"
	nsBinding = "urn:xmpp:sasl-cb:0" // XEP-0440
)

// sasl is the module on a host.
type sasl struct {
	options
	scope    *module.Scope
	attempts *attempts
	last     atomic.Pointer[offer]
}

var perHost = slot.New[attempts]("sasl-attempts")

func load(s *module.Scope, o options) error {
	m := &sasl{options: o, scope: s, attempts: perHost.Of(s.Host)}
	stream.Features.Handle(s, 0, m.features)
	for local, fn := range map[string]func(*sasl, *stream.Event, *negotiation){
		"auth": (*sasl).auth, "response": (*sasl).response, "abort": (*sasl).abort,
	} {
		stream.Nonza.Handle(s, element.Name{Space: nsSASL, Local: local}, 0, m.handler(fn))
	}
	return nil
}
