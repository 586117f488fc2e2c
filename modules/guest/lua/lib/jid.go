// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/jid"
)

func jidFunctions() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"split":         jidSplit,
		"bare":          jidBare,
		"prep":          jidPrep,
		"prepped_split": jidPreppedSplit,
		"join":          jidJoin,
		"compare":       jidCompare,
		"node":          jidPart(func(p parts) string { return p.local }),
		"host":          jidPart(func(p parts) string { return p.domain }),
		"resource":      jidPart(func(p parts) string { return p.resource }),
		"escape":        jidText(jid.Escape),
		"unescape":      jidText(jid.Unescape),
	}
}

// parts is an address taken apart, not looked at any closer. "" is a part that
// is not there; without a domainpart it is no address.
type parts struct{ local, domain, resource string }

func splitJID(s string) (p parts, ok bool) {
	rest, resource, hasResource := strings.Cut(s, "/")
	local, domain, hasLocal := strings.Cut(rest, "@")
	if !hasLocal {
		local, domain = "", rest
	}
	if domain == "" || strings.Contains(domain, "@") || hasLocal && local == "" || hasResource && resource == "" {
		return parts{}, false
	}
	return parts{local, domain, resource}, true
}

// argJID takes argument n apart; nil is no address.
func argJID(l *lua.LState, n int) (parts, bool) {
	s, ok := optString(l, n)
	if !ok {
		return parts{}, false
	}
	return splitJID(s)
}

func orNil(s string) lua.LValue {
	if s == "" {
		return lua.LNil
	}
	return lua.LString(s)
}

func pushParts(l *lua.LState, p parts) int {
	l.Push(orNil(p.local))
	l.Push(orNil(p.domain))
	l.Push(orNil(p.resource))
	return 3
}

func jidSplit(l *lua.LState) int {
	p, _ := argJID(l, 1)
	return pushParts(l, p)
}

func jidBare(l *lua.LState) int {
	p, ok := argJID(l, 1)
	if !ok {
		return one(l, lua.LNil)
	}
	return one(l, lua.LString(joinJID(parts{p.local, p.domain, ""})))
}

func jidPart(of func(parts) string) lua.LGFunction {
	return func(l *lua.LState) int {
		p, _ := argJID(l, 1)
		return one(l, orNil(of(p)))
	}
}

// prepJID returns the canonical form, which is the one that the server knows
// accounts and sessions by.
func prepJID(l *lua.LState, n int) (jid.JID, bool) {
	p, ok := argJID(l, n)
	if !ok {
		return jid.JID{}, false
	}
	j, err := jid.New(p.local, p.domain, p.resource)
	return j, err == nil
}

func jidPrep(l *lua.LState) int {
	j, ok := prepJID(l, 1)
	if !ok {
		return one(l, lua.LNil)
	}
	return one(l, lua.LString(j.String()))
}

func jidPreppedSplit(l *lua.LState) int {
	j, _ := prepJID(l, 1)
	return pushParts(l, parts{j.Local(), j.Domain(), j.Resource()})
}

func joinJID(p parts) string {
	s := p.domain
	if p.local != "" {
		s = p.local + "@" + s
	}
	if p.resource != "" {
		s += "/" + p.resource
	}
	return s
}

func jidJoin(l *lua.LState) int {
	var p parts
	p.local, _ = optString(l, 1)
	p.domain, _ = optString(l, 2)
	p.resource, _ = optString(l, 3)
	if p.domain == "" {
		return one(l, lua.LNil)
	}
	return one(l, lua.LString(joinJID(p)))
}

// jidCompare reports whether an address falls under another one: parts that
// the other does not have are any.
func jidCompare(l *lua.LState) int {
	p, _ := argJID(l, 1)
	rule, _ := argJID(l, 2)
	return one(l, lua.LBool((rule.local == "" || rule.local == p.local) && rule.domain == p.domain &&
		(rule.resource == "" || rule.resource == p.resource)))
}

func jidText(of func(string) string) lua.LGFunction {
	return func(l *lua.LState) int {
		s, ok := optString(l, 1)
		if !ok {
			return one(l, lua.LNil)
		}
		return one(l, lua.LString(of(s)))
	}
}
