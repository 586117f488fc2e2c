// SPDX-License-Identifier: Apache-2.0

package http

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// cors is what pages of other origins may do with an app (the Fetch standard,
// "CORS protocol").
type cors struct {
	methods, headers, maxAge []string // values of headers, shared by all answers
	credentials              bool
	allowed                  []string // nil: all origins
}

// corsOf merges the options, the app's wishes and http_cors_override; nil: the
// browser keeps other origins out.
func corsOf(o options, a App, methods []string) *cors {
	rule, said := o.Override[a.Name]
	want := a.Origins
	enabled := said || want.Enabled || o.Enabled && !want.Closed
	if rule.Enabled != nil {
		enabled = *rule.Enabled
	}
	if !enabled {
		return nil
	}
	c := &cors{credentials: o.Credentials || want.Credentials, maxAge: []string{strconv.Itoa(int(o.MaxAge.Seconds()))}}
	if rule.Credentials != nil {
		c.credentials = *rule.Credentials
	}
	c.allowed = o.Origins
	if want.Allowed != nil {
		c.allowed = want.Allowed
	}
	if rule.Origins != nil {
		c.allowed = rule.Origins
	}
	if anyOrigin(c.allowed) {
		c.allowed = nil
	}
	c.methods = []string{allowedMethods(o.Methods, methods)}
	if headers := allowedHeaders(slices.Concat(o.Headers, want.Headers), rule.Headers); headers != "" {
		c.headers = []string{headers}
	}
	return c
}

func anyOrigin(list []string) bool { return len(list) == 0 || slices.Contains(list, "*") }

func allowedMethods(general, own []string) string {
	var all []string
	for _, m := range slices.Concat(general, own) {
		if m != "*" {
			all = appendNew(all, strings.ToUpper(m))
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func allowedHeaders(list []string, rule map[string]bool) string {
	var all []string
	for _, h := range list {
		all = appendNew(all, http.CanonicalHeaderKey(h))
	}
	for h, on := range rule {
		h = http.CanonicalHeaderKey(h)
		if on {
			all = appendNew(all, h)
		} else {
			all = slices.DeleteFunc(all, func(have string) bool { return have == h })
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// apply says what the page that sent the request may do.
func (c *cors) apply(h http.Header, r *http.Request) {
	if c == nil {
		return
	}
	origin := r.Header.Get("Origin")
	if c.allowed != nil || c.credentials {
		h.Add("Vary", "Origin")
	}
	if c.allowed != nil && !slices.Contains(c.allowed, origin) {
		return
	}
	switch {
	case c.allowed == nil && !c.credentials:
		h.Set("Access-Control-Allow-Origin", "*")
	case origin == "":
		return // no browser asks
	default:
		h.Set("Access-Control-Allow-Origin", origin)
	}
	if c.credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	h["Access-Control-Allow-Methods"] = c.methods
	if c.headers != nil {
		h["Access-Control-Allow-Headers"] = c.headers
	}
	h["Access-Control-Max-Age"] = c.maxAge
}
