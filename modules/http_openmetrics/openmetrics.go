// SPDX-License-Identifier: Apache-2.0

// Package http_openmetrics shows the server's metrics by HTTP, for Prometheus
// and its like (OpenMetrics 1.0).
package http_openmetrics

import (
	"bytes"
	"net/http"
	"net/netip"
	"slices"
	"strconv"

	"tercet/config"
	"tercet/core/metric"
	"tercet/core/module"
	web "tercet/modules/http"
)

// Module is Prosody's http_openmetrics, and the older prometheus.
var Module = module.Define("http_openmetrics", module.OnServer, options{
	IPs: []string{"::1", "127.0.0.1"},
}, load).Named("prometheus").Requiring("httpd")

type options struct {
	IPs   []string `lua:"openmetrics_allow_ips" doc:"Addresses that may read the metrics."`
	CIDRs []string `lua:"openmetrics_allow_cidr" doc:"Networks that may, too, such as \"192.0.2.0/24\"."`
}

// Check says what tags cannot.
func (o *options) Check(c *config.Check) {
	for i, s := range o.IPs {
		if _, err := netip.ParseAddr(s); err != nil {
			c.At("openmetrics_allow_ips").Errorf("want addresses, got %q as number %d", s, i+1)
		}
	}
	for i, s := range o.CIDRs {
		if _, err := netip.ParsePrefix(s); err != nil {
			c.At("openmetrics_allow_cidr").Errorf("want networks such as \"192.0.2.0/24\", got %q as number %d", s, i+1)
		}
	}
}

func load(s *module.Scope, o options) error {
	process(s)
	m := &exporter{metrics: s.Env.Metrics}
	for _, ip := range o.IPs {
		a, err := netip.ParseAddr(ip)
		if err != nil {
			return err
		}
		m.ips = append(m.ips, a.Unmap())
	}
	for _, cidr := range o.CIDRs {
		p, err := netip.ParsePrefix(cidr)
		if err != nil {
			return err
		}
		m.networks = append(m.networks, p)
	}
	return web.Mount(s, web.App{
		Name: "openmetrics", Path: "/metrics", Routes: map[string]http.Handler{"GET": web.Func(m.serve)},
		Origins: web.Origins{Closed: true}, // the page in an admin's browser is none of those who may
	})
}

// An exporter writes the metrics for those who may read them.
type exporter struct {
	metrics  *metric.Registry
	ips      []netip.Addr
	networks []netip.Prefix
}

func (m *exporter) serve(w http.ResponseWriter, r *http.Request) error {
	if !m.permits(web.Of(r).Remote) {
		return &web.Error{Code: http.StatusForbidden}
	}
	var text bytes.Buffer // whole: a scrape that breaks off is an error there
	if err := m.metrics.Write(&text); err != nil {
		return err
	}
	w.Header().Set("Content-Type", metric.ContentType)
	w.Header().Set("Content-Length", strconv.Itoa(text.Len()))
	_, _ = w.Write(text.Bytes()) // who has gone does not want it
	return nil
}

// permits is false for clients that are not known.
func (m *exporter) permits(a netip.Addr) bool {
	return a.IsValid() && (slices.Contains(m.ips, a) ||
		slices.ContainsFunc(m.networks, func(p netip.Prefix) bool { return p.Contains(a) }))
}
