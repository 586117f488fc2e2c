// SPDX-License-Identifier: Apache-2.0

package accountpb

// What server and program agree on before they speak, by hashicorp/go-plugin.
const (
	PluginName  = "account"
	Version     = 1
	CookieKey   = "TERCET_PLUGIN"
	CookieValue = "account"
)
