// SPDX-License-Identifier: Apache-2.0

package http

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tercet/config"
	"tercet/core/module"
)

// options are those of both modules: a host's may stand in its section.
type options struct {
	module.Interfaces
	Ports    module.Ports `lua:"http_ports" doc:"Ports without TLS, for a proxy on this machine."`
	TLSPorts module.Ports `lua:"https_ports" doc:"Ports with TLS."`
	Own      []string     `lua:"http_interfaces,http_interface" doc:"Addresses of http_ports; without it local_interfaces counts."`
	OwnTLS   []string     `lua:"https_interfaces,https_interface" doc:"Addresses of https_ports; without it interfaces counts."`

	Default  string            `lua:"http_default_host" doc:"Host that answers requests for names that are no host of ours."`
	Name     string            `lua:"http_host" doc:"Name under which a host is reached by HTTP; may differ for each host. Without it the host's own."`
	External string            `lua:"http_external_url" doc:"URL under which a proxy makes the host's HTTP known, such as \"https://example.org/xmpp/\"; may differ for each host."`
	Paths    map[string]string `lua:"http_paths" doc:"Table from the name of an application to its path; $host is the host's name; may differ for each host."`

	MaxContent config.Size `lua:"http_max_content_size" min:"0" doc:"Most bytes of a request's body, unless the application has a limit of its own."`
	MaxBuffer  config.Size `lua:"http_max_buffer_size" min:"0" doc:"Most bytes of one HTTP/2 request that wait for an application to read them: 64 KiB to 4 MiB."`
	MaxHeader  config.Size `lua:"http_max_header_size" min:"8192" doc:"Most bytes of a request's line and header."`

	HeaderTime time.Duration `lua:"http_header_timeout" min:"1s" doc:"Time that a client has for the TLS handshake, and for the header of a request."`
	BodyTime   time.Duration `lua:"http_body_timeout" min:"1s" doc:"Silence in the body of a request after which it is given up. A body that comes at less than 100 bytes a second is, too."`
	SendTime   time.Duration `lua:"http_send_timeout" min:"1s" doc:"Time without progress after which a client that does not read is given up."`
	IdleTime   time.Duration `lua:"http_idle_timeout" min:"1s" doc:"Time that a connection is kept for the next request."`

	PerAddress int `lua:"http_max_connections_per_address" min:"0" doc:"Most connections at a time from one IPv4 address or IPv6 /64, on addresses that are not this machine's own; 0 is no limit."`
	Handshakes int `lua:"http_max_handshakes" min:"1" doc:"Most TLS handshakes at work at a time."`

	Proxies []string `lua:"trusted_proxies" doc:"Addresses and networks of proxies that are believed whom they speak for."`
	Legacy  bool     `lua:"http_legacy_x_forwarded" doc:"Proxies tell that in X-Forwarded-For and X-Forwarded-Proto; false: in Forwarded (RFC 7239). The other is ignored."`

	crossOrigin
	errorPages
}

// crossOrigin says which pages of other origins may use the applications.
type crossOrigin struct {
	Methods     []string            `lua:"access_control_allow_methods" doc:"Methods that pages of other origins may use, beside those that the application has."`
	Headers     []string            `lua:"access_control_allow_headers" doc:"Headers that they may send."`
	Origins     []string            `lua:"access_control_allow_origins,access_control_allow_origin" doc:"Origins whose pages may; none or \"*\" are all."`
	Credentials bool                `lua:"access_control_allow_credentials" doc:"Whether they may send cookies and passwords."`
	MaxAge      time.Duration       `lua:"access_control_max_age" min:"0" doc:"Time that browsers remember the above."`
	Enabled     bool                `lua:"http_default_cors_enabled" doc:"Whether pages of other origins may use applications of which nothing else is said."`
	Override    map[string]override `lua:"http_cors_override" doc:"Table from the name of an application to what is different for it."`
}

// override is what http_cors_override says of one application.
type override struct {
	Enabled     *bool           `lua:"enabled" doc:"Whether pages of other origins may use it."`
	Credentials *bool           `lua:"credentials" doc:"Whether they may send cookies and passwords."`
	Headers     map[string]bool `lua:"headers" doc:"Headers that they may send (true) or not (false)."`
	Origins     []string        `lua:"origins" doc:"Origins whose pages may; \"*\" are all."`
}

// errorPages says what is shown in place of what was asked for.
type errorPages struct {
	Always   bool                `lua:"http_errors_always_show" doc:"Show a page for each error, not only for those in http_errors_messages."`
	Message  string              `lua:"http_errors_default_message" doc:"Sentence of pages that have no other."`
	Messages map[string][]string `lua:"http_errors_messages" doc:"Table from a status code, or \"/\" for the page at the root, to sentences; % in the first is replaced by one of the others."`
	Detailed bool                `lua:"http_errors_detailed" doc:"Show the text of internal errors; for development only."`
}

var defaults = options{
	Interfaces: module.DefaultInterfaces,
	Ports:      module.Ports{5280}, TLSPorts: module.Ports{5281},
	MaxContent: 10 << 20, MaxBuffer: 256 << 10, MaxHeader: 32 << 10,
	HeaderTime: 10 * time.Second, BodyTime: 30 * time.Second, SendTime: time.Minute, IdleTime: 2 * time.Minute,
	PerAddress: 256, Handshakes: 64,
	Proxies: []string{"127.0.0.1", "::1"}, Legacy: true,
	crossOrigin: crossOrigin{
		Methods: []string{"GET", "OPTIONS"}, Headers: []string{"Content-Type"}, MaxAge: 2 * time.Hour, Enabled: true,
	},
	errorPages: errorPages{Always: true, Message: "There is nothing more to say about it."},
}

// Check says what tags cannot.
func (o *options) Check(c *config.Check) {
	if o.External != "" {
		if u, err := url.Parse(o.External); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" || u.Fragment != "" {
			c.At("http_external_url").Errorf("want a URL such as \"https://example.org/\", got %q", o.External)
		}
	}
	for app, path := range o.Paths {
		if err := checkPath(cleanPath(path, c.Host())); err != nil {
			c.At("http_paths."+app).Errorf("%v", err)
		}
	}
	if _, err := networksOf(o.Proxies); err != nil {
		c.At("trusted_proxies").Errorf("%v", err)
	}
	o.checkOrigins(c)
	for code := range o.Messages {
		if n, err := strconv.Atoi(code); code != "/" && (err != nil || n < 400 || n > 599) {
			c.At("http_errors_messages." + code).Warnf("without effect: it is neither a status from 400 to 599 nor \"/\"")
		}
	}
}

func (o *options) checkOrigins(c *config.Check) {
	if o.Credentials && anyOrigin(o.Origins) {
		c.At("access_control_allow_credentials").Warnf("with no access_control_allow_origins, every page on the web may use what its visitor is logged in to")
	}
	for app, v := range o.Override {
		if v.Credentials != nil && *v.Credentials && (anyOrigin(v.Origins) && (v.Origins != nil || anyOrigin(o.Origins))) {
			c.At("http_cors_override." + app).Warnf("credentials without origins: every page on the web may use what its visitor is logged in to")
		}
	}
	for _, origin := range o.Origins {
		if origin != "*" && !strings.Contains(origin, "://") {
			c.At("access_control_allow_origins").Warnf("an origin has a scheme, such as \"https://%s\"", origin)
		}
	}
}

// networks are addresses and networks.
type networks []netip.Prefix

func networksOf(list []string) (networks, error) {
	var all networks
	for _, s := range list {
		p, err := prefixOf(s)
		if err != nil {
			return nil, fmt.Errorf("want an address such as \"192.0.2.1\" or a network such as \"2001:db8::/32\", got %q", s)
		}
		all = append(all, p)
	}
	return all, nil
}

func prefixOf(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(a.Unmap().WithZone(""), a.Unmap().BitLen()), nil
}

func (n networks) contains(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range n {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// optionsOf are the options in force where s is: those of the config that is
// being loaded, or of the one in force.
func optionsOf(s *module.Scope) options {
	c := s.Config()
	if s.Live() {
		c = s.Env.Config()
	}
	o := defaults
	if s.Host == nil {
		config.Decode(c, "", &o) // its problems were reported before anything was loaded
		return o
	}
	config.Decode(c, s.Host.Name, &o) // as above
	paths := make(map[string]string)
	for _, p := range c.Global.Options["http_paths"].Fields() {
		paths[p.Key] = p.Value.Str()
	}
	maps.Copy(paths, o.Paths)
	o.Paths = paths
	return o
}
