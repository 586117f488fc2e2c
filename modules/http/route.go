// SPDX-License-Identifier: Apache-2.0

package http

import (
	"net/http"
	"slices"
	"strings"

	"tercet/core/ext"
)

// A match is the answer to where a request goes.
type match struct {
	handler  http.Handler
	mount    *mount
	at       pattern // as mounted
	rest     string  // of the path, from the slash before the "*"
	redirect bool    // to the same path with a slash
	allow    []string
}

// find looks for the most specific target that has the method; at the same
// depth the tables count in their order. If there is none, allow lists the
// methods that there are for the path.
func find(passes []ext.Pass, method, path string) (found match) {
	if found.try(passes, pattern{path, false}, method, path) {
		return found
	}
	if !strings.HasSuffix(path, "/") && found.slash(passes, method, path+"/") {
		return found
	}
	for end := strings.LastIndexByte(path[:reach(path)], '/'); end >= 0; end = strings.LastIndexByte(path[:end], '/') {
		if found.try(passes, pattern{path[:end+1], true}, method, path) {
			return found
		}
	}
	return found
}

// reach is how far into a path trees are looked for.
func reach(path string) int {
	n := 0
	for i := range len(path) {
		if path[i] == '/' {
			if n++; n > maxSegments {
				return i
			}
		}
	}
	return len(path)
}

func (m *match) try(passes []ext.Pass, at pattern, method, path string) bool {
	for _, p := range passes {
		t, ok := routes.Get(p, at)
		if !ok {
			continue
		}
		if h := t.handler(method); h != nil {
			m.handler, m.mount, m.at = h, t.mount, at
			if at.tree {
				m.rest = path[len(at.path)-1:]
			}
			return true
		}
		m.note(t)
	}
	return false
}

// slash finds what is served under the path with a slash behind it.
func (m *match) slash(passes []ext.Pass, method, path string) bool {
	for _, tree := range [...]bool{false, true} {
		for _, p := range passes {
			t, ok := routes.Get(p, pattern{path, tree})
			if !ok {
				continue
			}
			if t.handler(method) != nil {
				m.mount, m.at, m.redirect = t.mount, pattern{path, tree}, true
				return true
			}
			m.note(t)
		}
	}
	return false
}

// note remembers the methods of a target that has not the one asked for.
func (m *match) note(t *target) {
	if m.mount == nil {
		m.mount = t.mount // whose rules for other origins hold
	}
	for method := range t.methods {
		m.allow = appendNew(m.allow, method)
		if method == http.MethodGet {
			m.allow = appendNew(m.allow, http.MethodHead)
		}
	}
}

// methods lists what Allow says, in order.
func (m *match) methods() string {
	all := appendNew(slices.Clone(m.allow), http.MethodOptions)
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (t *target) handler(method string) http.Handler {
	if h, ok := t.methods[method]; ok {
		return h
	}
	if method == http.MethodHead {
		if h, ok := t.methods[http.MethodGet]; ok {
			return h
		}
	}
	if method == http.MethodOptions {
		return nil // "*" does not answer for what other origins may
	}
	return t.methods["*"]
}
