// SPDX-License-Identifier: Apache-2.0

package guest

import "tercet/core/iq"

// The points of requests. Modules expose their own points where these are.
var _ = requestHooks()

func requestHooks() struct{} { //nolint:unparam // for a package-level var
	for prefix, k := range map[string]iq.Kind{"iq-get": iq.Get, "iq-set": iq.Set} {
		for name, t := range map[string]iq.Target{"/self/": iq.Self, "/bare/": iq.Account, "/host/": iq.Host} {
			requests(prefix+name, k, t)
		}
	}
	return struct{}{}
}
