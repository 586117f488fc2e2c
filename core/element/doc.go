// SPDX-License-Identifier: Apache-2.0

package element

// Doc is a document: one byte slice in normal form and an arena of records,
// in the order of the bytes, that point into it. An element's record is
// followed by those of its attributes, and these by those of its children.
//
// The zero Doc is an arena: each call of Parse re-uses its memory. Documents
// behind the elements that Reader, Parse and Builder return are immutable.
type Doc struct {
	buf      []byte
	recs     []rec
	arena    *arena // nil in an immutable document
	prefixes bool   // some element declares a prefix
}

// arena is what a Doc needs to be used again.
type arena struct {
	scan  scanner
	other []byte // for normalisation
}

// rec is an element, a text or an attribute. Offsets count from the begin of
// the document.
type rec struct {
	start   int32 // element: its "<"; attribute: its name; text: its first byte
	nameEnd int32 // element, attribute
	body    int32 // element: behind the start tag; attribute: its value
	tail    int32 // element: its end tag, or its end if it has none
	end     int32 // element: behind it; attribute: behind its value; text: behind it
	ns      int32 // element, attribute: its namespace; declaration: what it declares
	next    int32 // element, text: the next sibling, 0 without one
	parent  int32 // element, text: the element around it
	kind    kind
	flags   flags
	plen    uint8 // attribute: length of the prefix
	nattr   uint8 // element: how many attribute records follow
}

type kind uint8

const (
	kindElement kind = iota
	kindText
	kindAttr
)

type flags uint8

const (
	flagNodes    flags = 1 << iota // element: has children, text included
	flagOwnNS                      // element: declares a default namespace
	flagEscaped                    // text, attribute: its bytes are not its value
	flagCDATA                      // text: a CDATA section, only before normalisation
	flagDecl                       // attribute: declares a namespace
	flagPrefixed                   // attribute: has a prefix
)

// A namespace in rec.ns is the record of its declaration, or one of these.
const (
	nsNone    int32 = -1  // no namespace
	nsClient  int32 = -2  // the stanza namespace
	nsXML     int32 = -3  // NSXML
	nsDefault int32 = -4  // the default namespace outside of the document
	nsOuter   int32 = -16 // minus k: that of the k-th prefix outside of the document
)

func (r *rec) local() int32 {
	if r.plen == 0 {
		return r.start
	}
	return r.start + int32(r.plen) + 1
}

// str returns bytes of the document as a string, without copying if the
// document is immutable.
func (d *Doc) str(from, to int32) string {
	if d.arena != nil {
		return string(d.buf[from:to])
	}
	return alias(d.buf[from:to])
}

func (d *Doc) value(a *rec) string {
	if a.flags&flagEscaped == 0 {
		return d.str(a.body, a.end)
	}
	return alias(appendAttrValue(nil, d.buf[a.body:a.end]))
}

func (d *Doc) appendText(dst []byte, n int32) []byte {
	r := &d.recs[n]
	if r.flags&flagEscaped == 0 {
		return append(dst, d.buf[r.start:r.end]...)
	}
	return appendTextValue(dst, d.buf[r.start:r.end])
}

// space returns the namespace that ns stands for.
func (d *Doc) space(ns int32) string {
	switch {
	case ns >= 0:
		return d.value(&d.recs[ns])
	case ns == nsClient:
		return NSClient
	case ns == nsXML:
		return NSXML
	}
	return ""
}

func (d *Doc) spaceIs(ns int32, space string) bool {
	if ns >= 0 {
		if a := &d.recs[ns]; a.flags&flagEscaped == 0 {
			return string(d.buf[a.body:a.end]) == space
		}
	}
	return d.space(ns) == space
}
