// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"tercet/config"
)

// Service says how a service listens when the config does not.
type Service struct {
	Name    string // prefix of its options: c2s_ports, c2s_interfaces
	Ports   []int  // none: off
	Private bool   // on local_interfaces only
	TLS     string // "none", "starttls", "direct"
}

// options are those of a service; in the config they stand behind its name.
type options struct {
	Ports         []int    `lua:"ports" min:"0" max:"65535" doc:"Ports to listen on; an empty list turns the service off."`
	Interfaces    []string `lua:"interfaces,interface" doc:"Addresses to listen on: \"*\" is all of IPv4, \"::\" all of IPv6, \"unix:/path\" a unix socket."`
	MaxPerAddress int      `lua:"max_per_address" min:"0" doc:"Most connections of one IPv4 address or IPv6 /64; 0 is no limit."`
	Rate          int      `lua:"connection_rate" min:"0" doc:"New connections per second of one such address; 0 is no limit."`
	Burst         int      `lua:"connection_burst" min:"1" doc:"Connections that one such address may make at once before the rate counts."`
	MaxHandshakes int      `lua:"max_handshakes" min:"0" doc:"TLS handshakes at the same time; 0 is no limit."`
	KeepAlives    bool     `lua:"tcp_keepalives" doc:"TCP keep-alives; without it the global tcp_keepalives holds."`
	UnixMode      fileMode `lua:"unix_mode" type:"string" doc:"Permissions of unix sockets, in octal."`
	Proxy         prefixes `lua:"proxy_protocol" type:"list of strings" doc:"Addresses (CIDR) whose connections have to begin with a PROXY header."`
}

// shared are the options that all services have in common.
type shared struct {
	Interfaces []string `lua:"interfaces,interface" doc:"Addresses that services listen on; \"*\" and \"::\" when empty."`
	Local      []string `lua:"local_interfaces" doc:"Addresses of services that are for this machine only."`
	IPv4       bool     `lua:"use_ipv4" doc:"Listen on all IPv4 addresses where no interfaces are given."`
	IPv6       bool     `lua:"use_ipv6" doc:"Listen on all IPv6 addresses where no interfaces are given."`
	KeepAlives bool     `lua:"tcp_keepalives" doc:"TCP keep-alives of all services."`
}

func defaults(v Service) options {
	return options{Ports: v.Ports, Burst: 10, MaxHandshakes: 256, KeepAlives: true, UnixMode: 0o660}
}

func sharedDefaults() shared { return shared{IPv4: true, IPv6: true, KeepAlives: true} }

// Fields describes the options of the services, under their full names, and
// those that they share.
func Fields(services ...Service) []config.Field {
	fields := config.Schema(sharedDefaults())
	for _, v := range services {
		for _, f := range config.Schema(defaults(v)) {
			f.Name = v.Name + "_" + f.Name
			for i := range f.Aliases {
				f.Aliases[i] = v.Name + "_" + f.Aliases[i]
			}
			fields = append(fields, f)
		}
	}
	return fields
}

// Specs reads where and how a service listens: <service>_ports,
// <service>_interfaces and the others of Fields, and network_settings. What is
// wrong is a problem, and leaves the default in place.
func Specs(c *config.Config, v Service) ([]Spec, []config.Problem) {
	o, all := defaults(v), sharedDefaults()
	problems := config.Decode(c, "", &all)
	o.KeepAlives = all.KeepAlives
	own := config.New(c.File, c.Dir)
	for name, value := range c.Global.Options {
		if rest, ok := strings.CutPrefix(name, v.Name+"_"); ok {
			own.Global.Options[rest] = value
		}
	}
	for _, p := range config.Decode(own, "", &o) {
		p.Text = v.Name + "_" + p.Text
		problems = append(problems, p)
	}
	for _, host := range c.Hosts {
		if value, ok := host.Options[v.Name+"_ports"]; ok {
			problems = append(problems, config.Problem{Pos: value.Pos, Severity: config.Warning,
				Text: v.Name + "_ports: without effect on a host, a port serves all hosts"})
		}
	}
	if _, given := own.Global.Options["ports"]; given && len(o.Ports) == 0 {
		return nil, problems
	}
	spec := Spec{
		Service: v.Name, TLS: v.TLS, Private: v.Private,
		MaxPerAddress: o.MaxPerAddress, Rate: o.Rate, Burst: o.Burst, MaxHandshakes: o.MaxHandshakes,
	}
	if len(o.Proxy) > 0 {
		spec.Proxy = &ProxyOptions{Trusted: o.Proxy}
	}
	spec.network(c, o.KeepAlives)
	return spec.each(o, all.faces(o, v.Private)), problems
}

// network takes what concerns sockets from network_settings; its other keys
// are none of ours.
func (s *Spec) network(c *config.Config, keepAlives bool) {
	settings, _ := c.Lookup("", "network_settings")
	if n, ok := settings.Get("tcp_backlog"); ok {
		s.Backlog = int(min(max(n.Number(), 0), 1<<20))
	}
	switch idle, ok := settings.Get("tcp_keepalive"); {
	case !keepAlives:
		s.TCPKeepAlive = -1
	case ok && idle.Number() > 0:
		s.TCPKeepAlive = time.Duration(min(idle.Number(), 1<<20) * float64(time.Second))
	}
}

// AcceptRetry is network_settings.accept_retry_interval, for RegistryOptions.
func AcceptRetry(c *config.Config) time.Duration {
	settings, _ := c.Lookup("", "network_settings")
	n, _ := settings.Get("accept_retry_interval")
	return time.Duration(min(max(n.Number(), 0), 1<<20) * float64(time.Second))
}

// faces are the interfaces of a service.
func (all shared) faces(o options, private bool) []string {
	if len(o.Interfaces) > 0 {
		return o.Interfaces
	}
	given, v4, v6 := all.Interfaces, "*", "::"
	if private {
		given, v4, v6 = all.Local, "127.0.0.1", "::1"
	}
	if len(given) > 0 {
		return given
	}
	var faces []string
	if all.IPv4 {
		faces = append(faces, v4)
	}
	if all.IPv6 && haveIPv6() {
		faces = append(faces, v6)
	}
	return faces
}

// each makes a Spec of each address.
func (s Spec) each(o options, faces []string) []Spec {
	var specs []Spec
	add := func(network, address string) {
		if !slices.ContainsFunc(specs, func(x Spec) bool { return x.Address == address }) {
			s.Network, s.Address = network, address
			specs = append(specs, s)
		}
	}
	for _, face := range faces {
		path, ok := strings.CutPrefix(face, "unix:")
		if ok {
			s.Mode = fs.FileMode(o.UnixMode)
			add("unix", path)
			s.Mode = 0
			continue
		}
		for _, port := range o.Ports {
			add("tcp", net.JoinHostPort(strings.Trim(face, "[]"), strconv.Itoa(port)))
		}
	}
	return specs
}

// fileMode is permissions in octal.
type fileMode fs.FileMode

// UnmarshalConfig reads "0660", or 660: a number in the config looks the same.
func (m *fileMode) UnmarshalConfig(v config.Value) error {
	text := v.Str()
	if v.Kind() == config.Number {
		text = v.String()
	}
	n, err := strconv.ParseUint(text, 8, 9)
	if err != nil {
		return config.Errorf(v, `want permissions such as "0660", got %s`, v)
	}
	*m = fileMode(n)
	return nil
}

// String is the mode as the config has it.
func (m fileMode) String() string { return "0" + strconv.FormatUint(uint64(m), 8) }

// prefixes is a list of addresses and networks.
type prefixes []netip.Prefix

// UnmarshalConfig reads "10.0.0.1", "10.0.0.0/8", or a list of such.
func (p *prefixes) UnmarshalConfig(v config.Value) error {
	items := v.List()
	if v.Kind() != config.Table {
		items = []config.Value{v}
	}
	*p = nil
	for _, item := range items {
		network, err := netip.ParsePrefix(item.Str())
		if addr, addrErr := netip.ParseAddr(item.Str()); addrErr == nil {
			network, err = addr.Unmap().Prefix(addr.Unmap().BitLen())
		}
		if err != nil {
			return config.Errorf(item, `want addresses such as "10.0.0.0/8", got %s`, item)
		}
		*p = append(*p, network.Masked())
	}
	return nil
}
