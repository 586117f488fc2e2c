// SPDX-License-Identifier: Apache-2.0

package plain

import (
	"tercet/core/auth"
	"tercet/core/module"
)

// Module offers PLAIN.
var Module = module.Define("plain", module.OnHost, options{}, load).Named("sasl_plain").Auto()

type options struct {
	Unsecured bool `lua:"allow_unencrypted_plain_auth" doc:"Offer PLAIN also on streams without TLS, where everybody on the way can read the password."`
}

func load(s *module.Scope, o options) error {
	auth.Mechanisms.Set(s, name, mechanism(o.Unsecured))
	return nil
}
