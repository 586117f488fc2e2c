// SPDX-License-Identifier: Apache-2.0

// Package http is the server's HTTP server (RFC 9110, RFC 9112, RFC 9113 over
// TLS) and the place where other modules mount what they serve by it: file
// sharing, BOSH, WebSocket, metrics. It is net/http with the hosts, certificates
// and limits of this server.
//
// It is two modules. "httpd" is the server's: ports, limits, error pages. "http"
// is a host's: under which name and paths it is reached. A host's module that
// mounts an [App] requires "http", a server's module requires "httpd".
package http

import (
	"net/http"

	"tercet/core/listen"
	"tercet/core/module"
)

// Module is a host's part: it reloads what is mounted on the host when its
// options change.
var Module = module.Define("http", module.OnHost, defaults, loadHost).Requiring("httpd")

// Server is the server's part: its sockets.
var Server = module.Define("httpd", module.OnServer, defaults, loadServer)

// loadHost has nothing to attach: Mount reads the options.
func loadHost(*module.Scope, options) error { return nil }

func loadServer(s *module.Scope, o options) error {
	d, err := newServer(s, o)
	if err != nil {
		return err
	}
	listen.Services.Set(s, "http", d.plain)
	listen.Services.Set(s, "https", d.secure)
	for _, addr := range o.Addresses(o.Own, true, o.Ports) {
		if err := d.listen("http", addr); err != nil {
			return err
		}
	}
	for _, addr := range o.Addresses(o.OwnTLS, false, o.TLSPorts) {
		if err := d.listen("https", addr); err != nil {
			return err
		}
	}
	if len(o.TLSPorts) > 0 {
		if _, err := s.Env.TLS.DirectPort("https", o.TLSPorts[0], alpn...); err != nil {
			s.Log.WarnContext(s.Context(), "https has no certificate; its connections are closed until there is one", "err", err)
		}
	}
	instances.Offer(s, d)
	s.Go(d.run)
	s.Go(d.end)
	return nil
}

// alpn are the protocols of https (RFC 7301), the best first.
var alpn = []string{"h2", "http/1.1"}

var _ http.Handler = (*server)(nil)
