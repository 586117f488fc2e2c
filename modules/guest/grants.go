// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Grants are what the config lets a guest do, such as "hook:pre-message/*",
// "store" or "http:https://api.example.org/". What is not granted is refused.
type Grants []string

// words are the grants, and whether they have a part behind a colon.
var words = map[string]bool{
	"hook": true, "add": true, "http": true, "store": false, "send": false, "replace": false,
}

// Check reports the first grant that is none.
func (g Grants) Check() error {
	for _, grant := range g {
		word, rest, colon := strings.Cut(grant, ":")
		part, known := words[word]
		switch {
		case !known:
			return fmt.Errorf("%q is none of hook:NAME, add:NAME, http:URL, store, send, replace", grant)
		case part != colon || part && rest == "":
			return fmt.Errorf("%q: want %s", grant, map[bool]string{true: word + ":NAME", false: word}[part])
		case word == "http":
			if u, err := url.Parse(rest); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Path == "" || u.User != nil {
				return fmt.Errorf("%q: want http: and the URL of a host with a path, without a user", grant)
			}
		}
	}
	return nil
}

// Allow reports whether one of the grants is word, or word:pattern with a
// pattern that name matches; "*" in it stands for any text.
func (g Grants) Allow(word, name string) bool {
	return slices.ContainsFunc(g, func(grant string) bool {
		w, pattern, _ := strings.Cut(grant, ":")
		return w == word && (pattern == name || glob(pattern, name))
	})
}

func glob(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	last := len(parts) - 1
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1:last] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, parts[last])
}

// AllowURL reports whether a grant names the URL, or begins it with a slash at
// the grant's end. A path that servers may read in different ways is refused.
func (g Grants) AllowURL(u *url.URL) bool {
	if u.User != nil || u.Opaque != "" || u.Host == "" || !straight(u) {
		return false
	}
	return slices.ContainsFunc(g, func(grant string) bool {
		rest, ok := strings.CutPrefix(grant, "http:")
		at, err := url.Parse(rest)
		if !ok || err != nil || u.Scheme != at.Scheme || !strings.EqualFold(u.Host, at.Host) {
			return false
		}
		return u.Path == at.Path || strings.HasPrefix(u.Path, at.Path) && strings.HasSuffix(at.Path, "/")
	})
}

// straight reports whether a path leads down only, whoever reads it: it has no
// dots for segments, be they escaped or with parameters behind, no empty
// segments, no escaped slash and no backslash.
func straight(u *url.URL) bool {
	if u.Path == "" || path.Clean(u.Path) != strings.TrimSuffix(u.Path, "/") && u.Path != "/" {
		return false
	}
	if strings.Contains(u.Path, `\`) || strings.Contains(strings.ToLower(u.EscapedPath()), "%2f") {
		return false
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if name, _, _ := strings.Cut(segment, ";"); name == "." || name == ".." {
			return false
		}
	}
	return true
}
