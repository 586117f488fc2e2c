// SPDX-License-Identifier: Apache-2.0

package http

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// A client is who asks, as far as it is known.
type client struct {
	addr   netip.Addr // zero: a proxy has not told, or nonsense
	secure bool
}

// clientOf believes a trusted proxy. One that shows itself as a proxy without
// telling for whom it asks, or that tells nonsense, is not taken for the
// client: a rule that lets in this machine would let in everybody.
func (d *server) clientOf(r *http.Request) client {
	c := client{secure: r.TLS != nil}
	if at, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		c.addr = at.Addr().Unmap()
	}
	if !c.addr.IsValid() || !d.trusted.contains(c.addr) {
		return c
	}
	var hops []string
	var proto string
	if d.Legacy {
		hops, proto = split(r.Header["X-Forwarded-For"]), last(split(r.Header["X-Forwarded-Proto"]))
	} else {
		hops, proto = forwarded(r.Header["Forwarded"], d.trusted)
	}
	c.secure = c.secure || strings.EqualFold(proto, "https")
	if len(hops) == 0 {
		if isProxied(r.Header) {
			c.addr = netip.Addr{}
		}
		return c
	}
	c.addr = d.trusted.farthest(hops)
	return c
}

// farthest is the address nearest to us that no trusted proxy has, or the last
// of theirs.
func (n networks) farthest(hops []string) (a netip.Addr) {
	for _, hop := range slices.Backward(hops) {
		a = hopAddr(hop)
		if !a.IsValid() || !n.contains(a) {
			return a
		}
	}
	return a
}

// isProxied finds signs of a proxy.
func isProxied(h http.Header) bool {
	for _, name := range [...]string{"X-Forwarded-For", "Forwarded", "Via", "X-Real-Ip", "X-Forwarded-Proto", "X-Forwarded-Host"} {
		if len(h[name]) > 0 {
			return true
		}
	}
	return false
}

// split cuts lists at commas; what is empty is left out.
func split(values []string) (items []string) {
	for _, v := range values {
		for item := range strings.SplitSeq(v, ",") {
			if item = strings.Trim(item, " \t"); item != "" {
				items = append(items, item)
			}
		}
	}
	return items
}

func last(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}

// hopAddr reads an address with or without port: 192.0.2.1, 192.0.2.1:80,
// 2001:db8::1, [2001:db8::1], [2001:db8::1]:80.
func hopAddr(s string) netip.Addr {
	s = strings.Trim(s, `"`)
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	s = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// forwarded reads RFC 7239 section 4: the addresses in order, and the protocol
// at the hop that the addresses end with.
func forwarded(values []string, trusted networks) (hops []string, proto string) {
	open := true // all hops behind this one are proxies of ours
	elements := split(values)
	for _, element := range slices.Backward(elements) {
		node := ""
		for pair := range strings.SplitSeq(element, ";") {
			name, value, _ := strings.Cut(pair, "=")
			value = strings.Trim(strings.Trim(value, " \t"), `"`)
			switch strings.ToLower(strings.Trim(name, " \t")) {
			case "for":
				node = value
			case "proto":
				if open {
					proto = value
				}
			}
		}
		if node == "" {
			node = "unknown"
		}
		hops = append(hops, node)
		open = open && trusted.contains(hopAddr(node))
	}
	slices.Reverse(hops)
	return hops, proto
}
