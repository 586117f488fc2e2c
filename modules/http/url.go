// SPDX-License-Identifier: Apache-2.0

package http

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"tercet/core/module"
	"tercet/core/tlspolicy"
)

// NoURL is what URL returns while nothing is served by HTTP (RFC 2606: it leads
// nowhere).
const NoURL = "http://disabled.invalid/"

// URL is where an app is reached from outside: below http_external_url if the
// option is set, else at https_ports, else at http_ports. App and path are the
// Name and Path with which it is mounted. It does not end in a slash unless the
// app is at the root.
func URL(s *module.Scope, app, path string) string {
	o := optionsOf(s)
	at := appPath(o, s, app, path)
	if o.External != "" {
		u, err := url.Parse(o.External)
		if err != nil {
			return NoURL
		}
		u.Path = orRoot(strings.TrimRight(u.Path, "/") + at)
		if u.Port() == standardPort(u.Scheme) {
			u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
		}
		return u.String()
	}
	scheme, port, ok := o.reachable(s)
	if !ok {
		return NoURL
	}
	host := o.Name
	if host == "" && s.Host != nil {
		host = s.Host.Name
	}
	if host == "" {
		host = o.Default
	}
	if host == "" {
		host = "localhost"
	}
	u := url.URL{Scheme: scheme, Host: tlspolicy.ASCII(host), Path: orRoot(at)}
	if p := strconv.Itoa(port); p != standardPort(scheme) {
		u.Host = net.JoinHostPort(u.Host, p)
	}
	return u.String()
}

func orRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

func standardPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// reachable is the service that a URL names: https where there is a
// certificate, else http.
func (o *options) reachable(s *module.Scope) (scheme string, port int, ok bool) {
	if len(o.TLSPorts) > 0 {
		if _, err := s.Env.TLS.DirectPort("https", o.TLSPorts[0], alpn...); err == nil {
			return "https", o.port(s, "https", o.TLSPorts[0]), true
		}
	}
	if len(o.Ports) > 0 {
		return "http", o.port(s, "http", o.Ports[0]), true
	}
	return "", 0, false
}

// port is the port of the option, or the one that the system has chosen.
func (o *options) port(s *module.Scope, service string, port int) int {
	if port != 0 {
		return port
	}
	for _, l := range s.Env.Listeners.List() {
		if l.Service == service {
			_, p, _ := net.SplitHostPort(l.Address)
			port, _ = strconv.Atoi(p)
		}
	}
	return port
}
