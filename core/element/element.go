// SPDX-License-Identifier: Apache-2.0

// Package element reads, holds and writes the XML of XMPP streams (RFC 6120
// 4 and 11): an incremental reader that refuses what RFC 6120 11.1 forbids,
// trees in one byte slice and one index arena, and their normal form, in which
// a fragment can be stored, wrapped and sent over any stream by copying bytes.
package element

import (
	"iter"
	"unsafe"
)

// Namespaces that the core knows by name.
const (
	NSClient    = "jabber:client"                        // RFC 6120; the stanza namespace of the normal form
	NSServer    = "jabber:server"                        // RFC 6120
	NSComponent = "jabber:component:accept"              // XEP-0114
	NSStream    = "http://etherx.jabber.org/streams"     // RFC 6120
	NSXML       = "http://www.w3.org/XML/1998/namespace" // bound to the prefix xml

	nsComponentConnect = "jabber:component:connect"      // XEP-0114
	nsXMLNS            = "http://www.w3.org/2000/xmlns/" // bound to the prefix xmlns
)

// Name is the expanded name of an element or attribute. Space is "" for
// attributes without a prefix.
type Name struct{ Space, Local string }

// Element is a cursor into an immutable document. The zero value is no
// element: it has no name, attributes or children, and prints as nothing.
//
// Strings that its methods return may share the memory of the whole document;
// what keeps one for long clones it.
type Element struct {
	doc  *Doc
	node int32
}

// IsZero reports whether e is no element.
func (e Element) IsZero() bool { return e.doc == nil }

// Name returns the expanded name.
func (e Element) Name() Name { return Name{e.Space(), e.Local()} }

// Space returns the namespace.
func (e Element) Space() string {
	if e.doc == nil {
		return ""
	}
	return e.doc.space(e.rec().ns)
}

// Local returns the local name.
func (e Element) Local() string {
	if e.doc == nil {
		return ""
	}
	r := e.rec()
	return e.doc.str(r.start+1, r.nameEnd)
}

// Is reports whether e has this expanded name. The zero element has none.
func (e Element) Is(space, local string) bool {
	if e.doc == nil {
		return false
	}
	r := e.rec()
	return string(e.doc.buf[r.start+1:r.nameEnd]) == local && e.doc.spaceIs(r.ns, space)
}

// Attr returns the value of the attribute without a namespace, or "".
func (e Element) Attr(local string) string {
	v, _ := e.LookupAttr(local)
	return v
}

// LookupAttr is Attr that also tells whether the attribute is there.
func (e Element) LookupAttr(local string) (string, bool) {
	attrs := e.attrs()
	for i := range attrs {
		a := &attrs[i]
		if a.flags&(flagDecl|flagPrefixed) == 0 && string(e.doc.buf[a.start:a.nameEnd]) == local {
			return e.doc.value(a), true
		}
	}
	return "", false
}

// AttrNS returns the value of an attribute by its expanded name, and whether
// it is there: AttrNS(NSXML, "lang").
func (e Element) AttrNS(space, local string) (string, bool) {
	if space == "" {
		return e.LookupAttr(local)
	}
	attrs := e.attrs()
	for i := range attrs {
		a := &attrs[i]
		if a.flags&(flagDecl|flagPrefixed) == flagPrefixed && string(e.doc.buf[a.local():a.nameEnd]) == local &&
			e.doc.spaceIs(a.ns, space) {
			return e.doc.value(a), true
		}
	}
	return "", false
}

// Attrs ranges over the attributes in the order in which they were sent,
// without the declarations of namespaces.
func (e Element) Attrs() iter.Seq2[Name, string] {
	return func(yield func(Name, string) bool) {
		attrs := e.attrs()
		for i := range attrs {
			a := &attrs[i]
			if a.flags&flagDecl != 0 {
				continue
			}
			n := Name{Local: e.doc.str(a.local(), a.nameEnd)}
			if a.flags&flagPrefixed != 0 {
				n.Space = e.doc.space(a.ns)
			}
			if !yield(n, e.doc.value(a)) {
				return
			}
		}
	}
}

// Text returns the character data directly in e, without that of its
// children.
func (e Element) Text() string {
	var all []byte
	one := int32(0)
	for n := e.firstNode(); n != 0; n = e.doc.recs[n].next {
		if e.doc.recs[n].kind != kindText {
			continue
		}
		switch {
		case all != nil:
			all = e.doc.appendText(all, n)
		case one != 0:
			all = e.doc.appendText(e.doc.appendText(make([]byte, 0, 64), one), n)
		default:
			one = n
		}
	}
	switch {
	case all != nil:
		return alias(all)
	case one == 0:
		return ""
	}
	r := &e.doc.recs[one]
	if r.flags&flagEscaped == 0 {
		return e.doc.str(r.start, r.end)
	}
	return alias(e.doc.appendText(nil, one))
}

// Child returns the first child of this expanded name, or the zero element.
func (e Element) Child(space, local string) Element {
	for c := e.First(); !c.IsZero(); c = c.Next() {
		if c.Is(space, local) {
			return c
		}
	}
	return Element{}
}

// First returns the first child element, or the zero element.
func (e Element) First() Element { return e.elementFrom(e.firstNode()) }

// Next returns the element that follows e below the same parent, or the zero
// element.
func (e Element) Next() Element {
	if e.doc == nil {
		return Element{}
	}
	return e.elementFrom(e.rec().next)
}

// Children ranges over the child elements.
func (e Element) Children() iter.Seq[Element] {
	return func(yield func(Element) bool) {
		for c := e.First(); !c.IsZero(); c = c.Next() {
			if !yield(c) {
				return
			}
		}
	}
}

// Nodes ranges over what is in e in its order: child elements, and character
// data, for which the element is zero.
func (e Element) Nodes() iter.Seq2[Element, string] {
	return func(yield func(Element, string) bool) {
		for n := e.firstNode(); n != 0; n = e.doc.recs[n].next {
			var child Element
			words := ""
			switch r := &e.doc.recs[n]; {
			case r.kind == kindElement:
				child = Element{e.doc, n}
			case r.flags&flagEscaped == 0:
				words = e.doc.str(r.start, r.end)
			default:
				words = alias(e.doc.appendText(nil, n))
			}
			if !yield(child, words) {
				return
			}
		}
	}
}

// ChildText returns the text of the first child of this expanded name, or "".
func (e Element) ChildText(space, local string) string { return e.Child(space, local).Text() }

// Inner returns the bytes between the tags of e, to be read only. They mean
// the same only below the same default namespace and the same prefixes; use
// AppendTo for anything that is placed elsewhere.
func (e Element) Inner() []byte {
	if e.doc == nil {
		return nil
	}
	r := e.rec()
	return e.doc.buf[r.body:r.tail:r.tail]
}

// Raw returns the bytes of e, with its tags, under the conditions of Inner.
func (e Element) Raw() []byte {
	if e.doc == nil {
		return nil
	}
	r := e.rec()
	return e.doc.buf[r.start:r.end:r.end]
}

// Size returns how many bytes e has in its document.
func (e Element) Size() int {
	if e.doc == nil {
		return 0
	}
	r := e.rec()
	return int(r.end - r.start)
}

// String returns e in normal form.
func (e Element) String() string {
	if e.doc == nil {
		return ""
	}
	return alias(e.AppendTo(make([]byte, 0, e.Size()), NSClient))
}

// Equal reports whether a and b are the same tree: expanded names, attributes
// in any order, children and text in order. How text was escaped and which
// prefixes were used does not count.
func Equal(a, b Element) bool {
	if a.IsZero() || b.IsZero() {
		return a.IsZero() == b.IsZero()
	}
	if a.Name() != b.Name() || !equalAttrs(a, b) {
		return false
	}
	return equalNodes(a, b)
}

func equalAttrs(a, b Element) bool {
	n := 0
	for range b.Attrs() {
		n++
	}
	for name, v := range a.Attrs() {
		if w, ok := b.AttrNS(name.Space, name.Local); !ok || v != w {
			return false
		}
		n--
	}
	return n == 0
}

func equalNodes(a, b Element) bool {
	na, nb := a.firstNode(), b.firstNode()
	for na != 0 && nb != 0 {
		ra, rb := &a.doc.recs[na], &b.doc.recs[nb]
		if ra.kind != rb.kind {
			return false
		}
		if ra.kind == kindText {
			if string(a.doc.appendText(nil, na)) != string(b.doc.appendText(nil, nb)) {
				return false
			}
		} else if !Equal(Element{a.doc, na}, Element{b.doc, nb}) {
			return false
		}
		na, nb = ra.next, rb.next
	}
	return na == nb
}

func (e Element) rec() *rec { return &e.doc.recs[e.node] }

func (e Element) attrs() []rec {
	if e.doc == nil {
		return nil
	}
	first := e.node + 1
	return e.doc.recs[first : first+int32(e.rec().nattr)]
}

// firstNode returns the index of the first child, element or text, or 0.
func (e Element) firstNode() int32 {
	if e.doc == nil || e.rec().flags&flagNodes == 0 {
		return 0
	}
	return e.node + 1 + int32(e.rec().nattr)
}

// elementFrom returns the first element at n or after it among its siblings.
func (e Element) elementFrom(n int32) Element {
	for ; n != 0; n = e.doc.recs[n].next {
		if e.doc.recs[n].kind == kindElement {
			return Element{e.doc, n}
		}
	}
	return Element{}
}

// alias makes a string of bytes that nobody writes to any more.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) } //nolint:gosec // see above
