// SPDX-License-Identifier: Apache-2.0

package http

import (
	"cmp"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"tercet/config"
	"tercet/core/jid"
	"tercet/core/route"
)

// A hostIndex finds hosts by the names under which they are reached.
type hostIndex struct {
	config *config.Config
	hosts  map[string]*route.Host // the router's, which are replaced and never changed
	byName map[string][]*route.Host
}

// maxName is the longest domain name.
const maxName = 255

// hostsOf are the hosts that a request is for: several may share one name by
// http_host. Without one of ours it is for http_default_host.
func (d *server) hostsOf(r *http.Request) []*route.Host {
	x := d.index()
	if found := x.byName[hostName(r.Host)]; found != nil {
		return found
	}
	return x.byName[canonical(d.Default)]
}

// hostName takes the port from a Host header (RFC 9110 7.2).
func hostName(s string) string {
	if i := strings.LastIndexByte(s, ':'); i >= 0 && strings.Trim(s[i+1:], "0123456789") == "" {
		s = s[:i]
	}
	if len(s) > maxName {
		return ""
	}
	return canonical(s)
}

// canonical writes a name as hosts have it: lower-case, without Punycode.
func canonical(name string) string {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if !strings.Contains(name, "xn--") {
		return name
	}
	if prepared, err := jid.PrepDomain(name); err == nil {
		return prepared
	}
	return name
}

// index is made again when the config or the hosts have changed.
func (d *server) index() *hostIndex {
	c, hosts := d.env.Config(), d.env.Router.Hosts()
	if c == nil { // the server is just starting
		c = d.scope.Config()
	}
	x := d.hosts.Load()
	if x != nil && x.config == c && reflect.ValueOf(x.hosts).Pointer() == reflect.ValueOf(hosts).Pointer() {
		return x
	}
	x = &hostIndex{config: c, hosts: hosts, byName: make(map[string][]*route.Host)}
	for _, h := range hosts {
		name := h.Name
		if v, ok := c.Lookup(h.Name, "http_host"); ok && v.Str() != "" {
			name = v.Str()
		}
		name = canonical(name)
		x.byName[name] = append(x.byName[name], h)
	}
	for _, list := range x.byName {
		slices.SortFunc(list, func(a, b *route.Host) int { return cmp.Compare(a.Name, b.Name) })
	}
	d.hosts.Store(x)
	return x
}
