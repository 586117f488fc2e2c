// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
)

// The reading of XML here trusts the server and is cheap: it finds the borders
// of elements and looks into them for what the scenarios need.

var errEnd = errors.New("stream closed by server")

// element finds one top-level element at the head of b. n is how much of b
// it used (0: more bytes are needed); e is nil for things to be skipped.
func element(b []byte) (e []byte, n int, err error) {
	i := 0
	for i < len(b) && b[i] <= ' ' {
		i++
	}
	if i > 0 {
		return nil, i, nil
	}
	if len(b) < 16 && (len(b) < 3 || bytes.IndexByte(b, '>') < 0) {
		return nil, 0, nil
	}
	if bytes.HasPrefix(b, []byte("</stream:stream")) {
		return nil, 0, errEnd
	}
	if bytes.HasPrefix(b, []byte("<?")) || bytes.HasPrefix(b, []byte("<stream:stream")) {
		return nil, max(0, tagEnd(b)), nil
	}
	depth := 0
	for p := 0; p < len(b); {
		if b[p] != '<' {
			k := bytes.IndexByte(b[p:], '<')
			if k < 0 {
				return nil, 0, nil
			}
			p += k
		}
		k := tagEnd(b[p:])
		if k < 0 {
			return nil, 0, nil
		}
		switch {
		case b[p+1] == '/':
			depth--
		case b[p+k-2] == '/':
		default:
			depth++
		}
		p += k
		if depth == 0 {
			return bytes.Clone(b[:p]), p, nil
		}
	}
	return nil, 0, nil
}

// tagEnd is the length of the tag at the head of b, minding quotes; -1 if cut.
func tagEnd(b []byte) int {
	var q byte
	for i, ch := range b {
		switch {
		case q != 0:
			if ch == q {
				q = 0
			}
		case ch == '\'' || ch == '"':
			q = ch
		case ch == '>':
			return i + 1
		}
	}
	return -1
}

// attr reads an attribute of the first tag of e.
func attr(e []byte, name string) string {
	end := tagEnd(e)
	if end < 0 {
		return ""
	}
	t := e[:end]
	i := bytes.Index(t, []byte(" "+name+"="))
	if i < 0 {
		return ""
	}
	i += len(name) + 2
	j := bytes.IndexByte(t[i+1:], t[i])
	if j < 0 {
		return ""
	}
	return string(t[i+1 : i+1+j])
}

// text is what stands between <tag> and </tag>, if anything.
func text(e []byte, tag string) string {
	i := bytes.Index(e, []byte("<"+tag))
	if i < 0 {
		return ""
	}
	k := tagEnd(e[i:])
	if k < 0 {
		return ""
	}
	i += k
	j := bytes.Index(e[i:], []byte("</"+tag))
	if j < 0 {
		return ""
	}
	return string(e[i : i+j])
}

// has reports whether name='value' stands in e, in either kind of quotes.
func has(e []byte, name, value string) bool { return count(e, name, value) > 0 }

func count(e []byte, name, value string) int {
	return bytes.Count(e, []byte(name+"='"+value+"'")) + bytes.Count(e, []byte(name+`="`+value+`"`))
}
