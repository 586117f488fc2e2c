// SPDX-License-Identifier: Apache-2.0

package scram

import (
	"tercet/core/auth"
	"tercet/core/module"
)

// Module offers SCRAM with each hash of which the host's accounts have keys.
var Module = module.Define("scram", module.OnHost, options{Downgrade: "refuse"}, load).Named("sasl_scram").Auto()

type options struct {
	Downgrade   string `lua:"channel_binding_downgrade" enum:"refuse|allow" doc:"Whether to admit a client that says that channel binding was not offered to it, while it was: somebody may have changed the list of mechanisms on the way, or the client is mistaken."`
	Unprotected bool   `lua:"disable_sasl_scram_downgrade_protection" doc:"Leave out the hash of what was offered (XEP-0474), for clients that stumble over it."`
}

func load(s *module.Scope, o options) error {
	p := &policy{allowDowngrade: o.Downgrade == "allow", unprotected: o.Unprotected, nonce: newNonce}
	for i := range variants {
		for _, plus := range [...]bool{false, true} {
			auth.Mechanisms.Set(s, variants[i].name(plus), variants[i].mechanism(plus, p))
		}
	}
	return nil
}
