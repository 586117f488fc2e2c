// SPDX-License-Identifier: Apache-2.0

package modulepb

// What server and plugin agree on before they speak, by hashicorp/go-plugin.
const (
	PluginName  = "module"
	Version     = 1
	CookieKey   = "TERCET_PLUGIN"
	CookieValue = "module"
)
