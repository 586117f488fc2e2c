// SPDX-License-Identifier: Apache-2.0

package element

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// Builder writes an element in normal form. Its methods return the Builder,
// so that they can be chained. Namespaces are meant literally: Open(NSClient,
// "body") and not Open("", "body"), which is an element of no namespace.
// Characters that XML forbids become U+FFFD, and "_" in names.
type Builder struct {
	buf   []byte
	stack []opened // the open elements
	attrs []span   // the attributes of the start tag that is being written
	inTag bool
	done  bool
	count int // prefixes made so far

	firstOpen  [4]opened // memory for stack and attrs, enough for most
	firstAttrs [5]span
}

// opened is an element that the Builder has not closed.
type opened struct {
	name  span
	space string
}

type span struct{ from, nameEnd, end int }

// New returns a Builder of an element.
func New(space, local string) *Builder {
	b := &Builder{buf: make([]byte, 0, 256)}
	b.stack, b.attrs = b.firstOpen[:0], b.firstAttrs[:0]
	return b.open(space, local, NSClient)
}

// Open begins a child of the innermost open element, and makes it the
// innermost.
func (b *Builder) Open(space, local string) *Builder {
	if b.done || len(b.stack) == 0 {
		return b
	}
	b.endStart()
	return b.open(space, local, b.space())
}

func (b *Builder) open(space, local, outside string) *Builder {
	b.buf = append(b.buf, '<')
	from := len(b.buf)
	b.buf = appendName(b.buf, local)
	b.stack = append(b.stack, opened{span{from: from, nameEnd: len(b.buf)}, space})
	b.inTag, b.attrs = true, b.attrs[:0]
	if space != outside {
		b.buf = appendDecl(b.buf, "", space)
	}
	return b
}

// Attr sets an attribute of the innermost element, which must have neither
// text nor children yet. The last value of a name counts.
func (b *Builder) Attr(local, value string) *Builder {
	if local == "xmlns" {
		return b
	}
	return b.attr("", local, value)
}

// AttrNS is Attr for an attribute in a namespace.
func (b *Builder) AttrNS(space, local, value string) *Builder {
	switch {
	case space == "":
		return b.Attr(local, value)
	case space == NSXML:
		return b.attr("xml", local, value)
	case !b.inTag:
		return b
	}
	prefix := b.prefix(space)
	return b.attr(prefix, local, value)
}

// prefix returns a prefix for space that is declared in this start tag.
func (b *Builder) prefix(space string) string {
	decl := string(append(AppendEscapedAttr([]byte("='"), space), '\''))
	tag := b.buf[b.stack[len(b.stack)-1].name.nameEnd:]
	for n := 1; n <= b.count; n++ {
		p := "ns" + strconv.Itoa(n)
		if bytes.Contains(tag, []byte(" xmlns:"+p+decl)) {
			return p
		}
	}
	b.count++
	p := "ns" + strconv.Itoa(b.count)
	b.buf = appendDecl(b.buf, p, space)
	return p
}

func (b *Builder) attr(prefix, local, value string) *Builder {
	if b.done || !b.inTag {
		return b
	}
	from := len(b.buf)
	b.buf = append(b.buf, ' ')
	if prefix != "" {
		b.buf = append(append(b.buf, prefix...), ':')
	}
	b.buf = appendName(b.buf, local)
	at := span{from: from, nameEnd: len(b.buf)}
	b.buf = append(AppendEscapedAttr(append(b.buf, "='"...), value), '\'')
	at.end = len(b.buf)
	b.attrs = append(b.attrs, at)
	for i, a := range b.attrs[:len(b.attrs)-1] {
		if bytes.Equal(b.buf[a.from:a.nameEnd], b.buf[at.from:at.nameEnd]) {
			b.cut(i)
			break
		}
	}
	return b
}

// cut takes the i-th attribute out of the start tag.
func (b *Builder) cut(i int) {
	old := b.attrs[i]
	n := old.end - old.from
	b.buf = append(b.buf[:old.from], b.buf[old.end:]...)
	b.attrs = append(b.attrs[:i], b.attrs[i+1:]...)
	for j := i; j < len(b.attrs); j++ {
		a := &b.attrs[j]
		a.from, a.nameEnd, a.end = a.from-n, a.nameEnd-n, a.end-n
	}
}

// Text appends character data to the innermost element.
func (b *Builder) Text(s string) *Builder {
	if b.done || len(b.stack) == 0 || s == "" {
		return b
	}
	b.endStart()
	b.buf = AppendEscaped(b.buf, s)
	return b
}

// TextChild appends a child that has only text.
func (b *Builder) TextChild(space, local, text string) *Builder {
	if b.done || len(b.stack) == 0 {
		return b
	}
	return b.Open(space, local).Text(text).Close()
}

// Child appends a copy of e.
func (b *Builder) Child(e Element) *Builder {
	if b.done || len(b.stack) == 0 || e.IsZero() {
		return b
	}
	b.endStart()
	b.buf = e.AppendTo(b.buf, b.space())
	return b
}

// Close ends the innermost element.
func (b *Builder) Close() *Builder {
	if b.done || len(b.stack) == 0 {
		return b
	}
	o := b.stack[len(b.stack)-1]
	b.stack = b.stack[:len(b.stack)-1]
	if b.inTag {
		b.buf = append(b.buf, "/>"...)
		b.inTag = false
		return b
	}
	b.buf = append(b.buf, "</"...)
	b.buf = append(b.buf, b.buf[o.name.from:o.name.nameEnd]...)
	b.buf = append(b.buf, '>')
	return b
}

// Element closes all that is open and returns the element. The Builder can
// not be used for anything else afterwards. An element that is larger than
// any limit is lost: the result is zero.
func (b *Builder) Element() Element {
	for len(b.stack) > 0 {
		b.Close()
	}
	b.done = true
	s := newScanner(wide, plain)
	defer s.free()
	if err := s.whole(b.buf); err != nil {
		return Element{}
	}
	return Element{doc: &Doc{buf: b.buf, recs: append(make([]rec, 0, len(s.recs)), s.recs...), prefixes: s.prefixes}}
}

func (b *Builder) space() string { return b.stack[len(b.stack)-1].space }

func (b *Builder) endStart() {
	if b.inTag {
		b.buf = append(b.buf, '>')
		b.inTag = false
	}
}

// appendName appends s with "_" for what a name without a prefix can not
// have.
func appendName(dst []byte, s string) []byte {
	if s == "" || len(s) > maxName {
		return append(dst, '_')
	}
	for i, r := range s {
		switch {
		case r < utf8.RuneSelf && class[r]&nameFirst != 0, r >= utf8.RuneSelf && isNameRune(r, true):
			dst = utf8.AppendRune(dst, r)
		case i > 0 && r != ':' && (r < utf8.RuneSelf && class[r]&nameNext != 0 || r >= utf8.RuneSelf && isNameRune(r, false)):
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, '_')
		}
	}
	return dst
}
