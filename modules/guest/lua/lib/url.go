// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// openURL is socket.url (RFC 3986, in the names of LuaSocket).
func openURL(l *lua.LState) int {
	return one(l, tableOf(l, map[string]lua.LGFunction{
		"parse":      urlParse,
		"build":      func(l *lua.LState) int { return one(l, lua.LString(buildURL(l.CheckTable(1)))) },
		"absolute":   urlAbsolute,
		"parse_path": urlParsePath,
		"build_path": urlBuildPath,
		"escape":     func(l *lua.LState) int { return one(l, lua.LString(percentEncode(l.CheckString(1), lowerHex, ""))) },
		"unescape":   func(l *lua.LState) int { return one(l, lua.LString(percentDecode(l.CheckString(1)))) },
	}))
}

const (
	lowerHex = "0123456789abcdef"
	upperHex = "0123456789ABCDEF"
)

func percentEncode(s, hex, unreserved string) string {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || strings.IndexByte(unreserved, c) >= 0 {
			out = append(out, c)
			continue
		}
		out = append(out, '%', hex[c>>4], hex[c&15])
	}
	return string(out)
}

func percentDecode(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(v))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

func urlParse(l *lua.LState) int {
	t := l.NewTable()
	if defaults, ok := l.Get(2).(*lua.LTable); ok {
		copyFields(t, defaults)
	}
	s, _ := optString(l, 1)
	if s == "" {
		return failed(l, "invalid url")
	}
	splitURL(s, t.RawSetString)
	return one(l, t)
}

// splitURL takes a URL apart and hands out what it has.
func splitURL(s string, set func(string, lua.LValue)) {
	put := func(name, value string) { set(name, lua.LString(value)) }
	rest, fragment, ok := strings.Cut(s, "#")
	if ok {
		put("fragment", fragment)
	}
	if scheme, after, ok := strings.Cut(rest, ":"); ok && isScheme(scheme) {
		put("scheme", scheme)
		rest = after
	}
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		authority := after
		rest = ""
		if i := strings.IndexByte(after, '/'); i >= 0 {
			authority, rest = after[:i], after[i:]
		}
		put("authority", authority)
		splitAuthority(authority, put)
	}
	rest, query, ok := strings.Cut(rest, "?")
	if ok {
		put("query", query)
	}
	rest, params, ok := strings.Cut(rest, ";")
	if ok {
		put("params", params)
	}
	if rest != "" {
		put("path", rest)
	}
}

func splitAuthority(s string, put func(name, value string)) {
	if i := strings.IndexByte(s, '@'); i >= 0 {
		userinfo := s[:i]
		s = s[i+1:]
		put("userinfo", userinfo)
		user, password, ok := strings.Cut(userinfo, ":")
		if ok {
			put("password", password)
		}
		put("user", user)
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.Contains(s[i:], "]") {
		put("port", s[i+1:])
		s = s[:i]
	}
	if s == "" {
		return
	}
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		s = s[1 : len(s)-1]
	}
	put("host", s)
}

func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if c >= 'a' && c <= 'z' || s[i] >= '0' && s[i] <= '9' || i > 0 && strings.IndexByte("+-.", s[i]) >= 0 {
			continue
		}
		return false
	}
	return s != ""
}

// buildURL puts a URL together from its parts.
func buildURL(t *lua.LTable) string {
	get := func(name string) (string, bool) { return stringy(t.RawGetString(name)) }
	url, _ := get("path")
	if params, ok := get("params"); ok {
		url += ";" + params
	}
	if query, ok := get("query"); ok {
		url += "?" + query
	}
	authority, ok := get("authority")
	if host, hasHost := get("host"); hasHost {
		ok = true
		authority = host
		if strings.Contains(host, ":") {
			authority = "[" + host + "]"
		}
		if port, has := get("port"); has {
			authority += ":" + port
		}
		userinfo, hasInfo := get("userinfo")
		if user, has := get("user"); has {
			userinfo, hasInfo = user, true
			if password, has := get("password"); has {
				userinfo += ":" + password
			}
		}
		if hasInfo {
			authority = userinfo + "@" + authority
		}
	}
	if ok {
		url = "//" + authority + url
	}
	if scheme, ok := get("scheme"); ok {
		url = scheme + ":" + url
	}
	if fragment, ok := get("fragment"); ok {
		url += "#" + fragment
	}
	return url
}

// urlAbsolute resolves a reference against a base (RFC 3986 section 5.2).
func urlAbsolute(l *lua.LState) int {
	base, ok := l.Get(1).(*lua.LTable)
	var baseURL string
	if ok {
		baseURL = buildURL(base)
	} else {
		baseURL = l.CheckString(1)
		base = l.NewTable()
		splitURL(baseURL, base.RawSetString)
	}
	relative := l.CheckString(2)
	switch {
	case baseURL == "":
		return one(l, lua.LString(relative))
	case relative == "":
		return one(l, lua.LString(baseURL))
	}
	t := l.NewTable()
	splitURL(relative, t.RawSetString)
	if t.RawGetString("scheme") != lua.LNil {
		return one(l, lua.LString(relative))
	}
	inherit := func(names ...string) {
		for _, name := range names {
			t.RawSetString(name, base.RawGetString(name))
		}
	}
	inherit("scheme")
	if t.RawGetString("authority") == lua.LNil {
		inherit("authority", "userinfo", "user", "password", "host", "port")
		path, hasPath := str(t.RawGetString("path"))
		switch {
		case !hasPath:
			inherit("path", "params")
			if t.RawGetString("query") == lua.LNil {
				inherit("query")
			}
			if p, ok := str(t.RawGetString("path")); ok {
				t.RawSetString("path", lua.LString(p))
			}
		case !strings.HasPrefix(path, "/"):
			from, _ := str(base.RawGetString("path"))
			path = from[:strings.LastIndexByte(from, '/')+1] + path
			if !strings.HasPrefix(path, "/") {
				path = "/" + path
			}
			t.RawSetString("path", lua.LString(withoutDots(path)))
		}
	}
	return one(l, lua.LString(buildURL(t)))
}

// withoutDots takes the segments "." and ".." out of an absolute path.
func withoutDots(path string) string {
	var out []string
	segments := strings.Split(path[1:], "/")
	for i, s := range segments {
		last := i == len(segments)-1
		switch s {
		case ".":
		case "..":
			out = out[:max(len(out)-1, 0)]
		default:
			out = append(out, s)
			continue
		}
		if last {
			out = append(out, "")
		}
	}
	return "/" + strings.Join(out, "/")
}

func urlParsePath(l *lua.LState) int {
	path, _ := optString(l, 1)
	t := l.NewTable()
	for segment := range strings.SplitSeq(path, "/") {
		if segment != "" {
			t.Append(lua.LString(percentDecode(segment)))
		}
	}
	if strings.HasPrefix(path, "/") {
		t.RawSetString("is_absolute", lua.LNumber(1))
	}
	if strings.HasSuffix(path, "/") {
		t.RawSetString("is_directory", lua.LNumber(1))
	}
	return one(l, t)
}

func urlBuildPath(l *lua.LState) int {
	t, asIs := l.CheckTable(1), checkFlag(l, 2)
	var segments []string
	for i := range t.Len() {
		segment, ok := stringy(t.RawGetInt(i + 1))
		if !ok {
			l.ArgError(1, "a segment that is no string")
		}
		if !asIs {
			segment = percentEncode(segment, upperHex, "-.!~*'():@&=+$,")
		}
		segments = append(segments, segment)
	}
	path := strings.Join(segments, "/")
	if t.RawGetString("is_directory") != lua.LNil {
		path += "/"
	}
	if t.RawGetString("is_absolute") != lua.LNil {
		path = "/" + path
	}
	return one(l, lua.LString(path))
}
