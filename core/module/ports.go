// SPDX-License-Identifier: Apache-2.0

package module

import (
	"fmt"
	"net"
	"strconv"

	"tercet/config"
)

// Ports are TCP or UDP port numbers: an option such as c2s_ports.
type Ports []int

// UnmarshalConfig reads a number, a string of digits, or a list of them.
func (p *Ports) UnmarshalConfig(v config.Value) error {
	items := []config.Value{v}
	if v.Kind() == config.Table {
		items = v.List()
	}
	ports := Ports{}
	for _, item := range items {
		n := int(item.Number())
		if item.Kind() == config.String {
			var err error
			if n, err = strconv.Atoi(item.Str()); err != nil {
				n = -1
			}
		}
		if n < 0 || n > 65535 || (item.Kind() == config.Number && item.Number() != float64(n)) {
			return fmt.Errorf("want port numbers from 0 to 65535, got %s", item)
		}
		ports = append(ports, n)
	}
	*p = ports
	return nil
}

// Interfaces are the options that say on which addresses a service listens;
// modules embed them.
type Interfaces struct {
	Interfaces []string `lua:"interfaces,interface" doc:"Addresses that services listen on: \"*\" is all of IPv4, \"::\" all of IPv6."`
	Local      []string `lua:"local_interfaces" doc:"Addresses that private services listen on."`
	IPv4       bool     `lua:"use_ipv4" doc:"Listen on IPv4."`
	IPv6       bool     `lua:"use_ipv6" doc:"Listen on IPv6 where the system has it."`
}

// DefaultInterfaces are those of Prosody.
var DefaultInterfaces = Interfaces{
	Interfaces: []string{"*", "::"}, Local: []string{"127.0.0.1", "::1"}, IPv4: true, IPv6: true,
}

// Addresses are the addresses to listen on for each port. Own are those that
// the service's own option names; if there are none, the general ones count.
func (i Interfaces) Addresses(own []string, private bool, ports Ports) []string {
	hosts := own
	if len(hosts) == 0 {
		hosts = i.Interfaces
		if private {
			hosts = i.Local
		}
	}
	var all []string
	for _, port := range ports {
		for _, h := range hosts {
			if v6 := h == "::" || isIPv6(h); (v6 && (!i.IPv6 || !systemIPv6())) || (!v6 && !i.IPv4) {
				continue
			}
			all = append(all, net.JoinHostPort(h, strconv.Itoa(port)))
		}
	}
	return all
}

func isIPv6(s string) bool {
	ip := net.ParseIP(s)
	return ip != nil && ip.To4() == nil
}

// systemIPv6 reports whether this machine can listen on IPv6 at all.
func systemIPv6() bool {
	l, err := net.Listen("tcp6", "[::1]:0") //nolint:noctx // binds and closes at once
	if err != nil {
		return false
	}
	_ = l.Close() // nothing was accepted
	return true
}
