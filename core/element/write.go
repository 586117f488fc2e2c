// SPDX-License-Identifier: Apache-2.0

package element

// AppendTo appends e so that it means the same in a parent whose default
// namespace is parentSpace: it declares its own where that differs, and the
// prefixes that elements around it had declared.
func (e Element) AppendTo(dst []byte, parentSpace string) []byte {
	if e.doc == nil {
		return dst
	}
	r := e.rec()
	b := e.doc.buf
	same := e.doc.spaceIs(r.ns, parentSpace)
	own := r.flags&flagOwnNS != 0
	if own != same && (!e.doc.prefixes || e.node == 0) {
		return append(dst, b[r.start:r.end]...)
	}
	dst = append(dst, b[r.start:r.nameEnd]...)
	if !same && !own {
		dst = appendDecl(dst, "", e.Space())
	}
	if e.doc.prefixes && e.node != 0 {
		dst = e.appendInherited(dst)
	}
	from := r.nameEnd
	if own && same {
		for i := range e.attrs() {
			if a := &e.attrs()[i]; a.flags&(flagDecl|flagPrefixed) == flagDecl {
				dst = append(dst, b[from:a.start]...)
				for len(dst) > 0 && class[dst[len(dst)-1]]&blank != 0 {
					dst = dst[:len(dst)-1]
				}
				from = a.end + 1
			}
		}
	}
	return append(dst, b[from:r.end]...)
}

// AppendAttrs appends the attributes of e as they stand in its start tag, each
// after a blank, but for those that skip names and a declared default
// namespace. All prefixes that are in scope at e are declared, so that Inner
// means the same behind them.
func (e Element) AppendAttrs(dst []byte, skip func(Name) bool) []byte {
	attrs := e.attrs()
	if e.doc != nil && e.doc.prefixes && e.node != 0 {
		dst = e.appendInherited(dst)
	}
	for i := range attrs {
		a := &attrs[i]
		if a.flags&(flagDecl|flagPrefixed) == flagDecl {
			continue
		}
		if a.flags&flagDecl == 0 {
			n := Name{Local: e.doc.str(a.local(), a.nameEnd)}
			if a.flags&flagPrefixed != 0 {
				n.Space = e.doc.space(a.ns)
			}
			if skip(n) {
				continue
			}
		}
		dst = append(dst, ' ')
		dst = append(dst, e.doc.buf[a.start:a.end+1]...)
	}
	return dst
}

// appendInherited declares the prefixes that are in scope at e and that it
// does not declare itself.
func (e Element) appendInherited(dst []byte) []byte {
	seen := declared(nil, e)
	for p := e; p.node != 0; {
		p.node = p.rec().parent
		have := len(seen)
		seen = declared(seen, p)
		for _, b := range seen[have:] {
			dst = appendDecl(dst, b.prefix, b.space)
		}
	}
	return dst
}

// declared appends the prefixes that e declares and that are not in seen.
func declared(seen []binding, e Element) []binding {
	attrs := e.attrs()
next:
	for i := range attrs {
		a := &attrs[i]
		if a.flags&(flagDecl|flagPrefixed) != flagDecl|flagPrefixed {
			continue
		}
		prefix := e.doc.str(a.local(), a.nameEnd)
		for _, b := range seen {
			if b.prefix == prefix {
				continue next
			}
		}
		seen = append(seen, binding{prefix, e.doc.value(a)})
	}
	return seen
}

// appendDecl appends the declaration of prefix, or of a default namespace.
func appendDecl(dst []byte, prefix, space string) []byte {
	if prefix == "xml" {
		return dst
	}
	dst = append(dst, " xmlns"...)
	if prefix != "" {
		dst = append(append(dst, ':'), prefix...)
	}
	dst = append(dst, "='"...)
	return append(AppendEscapedAttr(dst, space), '\'')
}
