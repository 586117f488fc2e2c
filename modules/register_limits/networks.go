// SPDX-License-Identifier: Apache-2.0

package register_limits

import (
	"net/netip"
	"strings"

	"tercet/config"
)

// networks are addresses and networks.
type networks []netip.Prefix

// UnmarshalConfig reads a string or a list of them.
func (n *networks) UnmarshalConfig(v config.Value) error {
	items := []config.Value{v}
	if v.Kind() == config.Table {
		items = v.List()
	}
	all := networks{}
	for _, item := range items {
		p, ok := parseNetwork(item.Str())
		if item.Kind() != config.String || !ok {
			return config.Errorf(item, `want an address or a network such as "192.0.2.0/24", got %s`, item)
		}
		all = append(all, p)
	}
	*n = all
	return nil
}

// String is the list as a default is shown.
func (n networks) String() string {
	var list []string
	for _, p := range n {
		if p.IsSingleIP() {
			list = append(list, p.Addr().String())
		} else {
			list = append(list, p.String())
		}
	}
	return strings.Join(list, ", ")
}

func parseNetwork(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(s)
	return netip.PrefixFrom(a.WithZone("").Unmap(), a.Unmap().BitLen()), err == nil
}

func mustNetworks(list ...string) networks {
	var all networks
	for _, s := range list {
		p, _ := parseNetwork(s)
		all = append(all, p)
	}
	return all
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
