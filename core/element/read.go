// SPDX-License-Identifier: Apache-2.0

package element

import (
	"bytes"
	"errors"
	"io"
)

// Limits bound what a Reader accepts. What goes over one is refused before it
// is kept.
type Limits struct {
	Bytes    int // of one top-level element as it was sent, or a stream's start tag
	Depth    int // of nested elements, the top-level one included
	Attrs    int // of one element, declarations of namespaces included
	Children int // elements in one top-level element, itself included
}

// DefaultLimits are limits for an authenticated stream.
var DefaultLimits = Limits{Bytes: 262144, Depth: 128, Attrs: 64, Children: 25000}

// Reader reads one XML stream (RFC 6120 4). Bytes go in by Space and Filled,
// tokens come out by Next. It holds no buffer while no bytes wait in it and
// Release has been called. It is not safe for concurrent use.
type Reader struct {
	limits Limits
	buf    *buffer // nil, or bytes from start to end that wait to be consumed
	start  int
	end    int
	scan   *scanner // nil, or what reads the element at start
	outer  *outer
	lang   *langAttr
	root   string // the name of the stream's start tag as it was sent
	total  int64
	err    error
	phase  phase
	open   bool // scan has begun
}

type phase uint8

const (
	beforeHeader phase = iota // the XML declaration or the start tag comes
	afterXMLDecl              // the start tag comes
	between                   // elements come
	emptyStream               // the start tag was its own end tag
	ended
)

// TokenKind says what a Token is.
type TokenKind uint8

// What a stream consists of.
const (
	StreamHeader TokenKind = iota // the start tag
	TopLevel                      // an element directly below
	StreamEnd                     // the end tag
	Whitespace                    // blanks between elements (RFC 6120 4.6.1)
)

// Token is one part of a stream.
type Token struct {
	Kind    TokenKind
	Header  Header  // of a StreamHeader
	Element Element // of a TopLevel, in normal form
}

// Header is the start tag of a stream (RFC 6120 4.7).
type Header struct {
	To, From, ID, Version, Lang string
	// Content is the content namespace. It is "" if each stanza declares its
	// own, the "prefix-free" way of RFC 6120 4.8.3.
	Content string
}

// NewReader returns a Reader that expects a stream's start tag.
func NewReader(l Limits) *Reader { return &Reader{limits: l} }

// SetLimits changes the limits from the next call of Next on.
func (r *Reader) SetLimits(l Limits) { r.limits = l }

// Buffered returns how many bytes wait in r, those of an incomplete token
// included.
func (r *Reader) Buffered() int { return r.end - r.start }

// Bytes returns how many bytes the tokens had that Next has returned.
func (r *Reader) Bytes() int64 { return r.total }

// Restart makes r expect a new stream's start tag in the bytes that follow the
// last token (RFC 6120 4.3.3).
func (r *Reader) Restart() {
	r.closeScan()
	r.outer, r.lang, r.root, r.err, r.phase = nil, nil, "", nil, beforeHeader
}

// Discard drops all bytes that wait in r: before TLS begins, what came after
// the request for it is not to be believed (RFC 6120 5.3.1).
func (r *Reader) Discard() {
	r.closeScan()
	r.start, r.end = 0, 0
}

// Next returns the next token. ErrMore says that it is not complete; io.EOF,
// that the stream has ended. Any other error is an *Error and final; if it is
// about the stream's start tag, the token has what Header could be read.
func (r *Reader) Next() (Token, error) {
	if r.err != nil {
		return Token{}, r.err
	}
	t, err := r.next()
	if err != nil && !errors.Is(err, ErrMore) && !errors.Is(err, io.EOF) {
		r.err = err
		r.closeScan()
	}
	return t, err
}

func (r *Reader) next() (Token, error) {
	switch r.phase {
	case beforeHeader, afterXMLDecl:
		return r.header()
	case emptyStream:
		r.phase = ended
		return Token{Kind: StreamEnd}, nil
	case ended:
		r.skipBlanks()
		if r.start < r.end {
			return Token{}, malformed("bytes after the end of the stream")
		}
		return Token{}, io.EOF
	default: // between the header and the end
	}
	if r.open {
		return r.element()
	}
	if r.skipBlanks() > 0 {
		return Token{Kind: Whitespace}, nil
	}
	b := r.bytes()
	if len(b) == 0 {
		return Token{}, ErrMore
	}
	if b[0] != '<' {
		if b[0] == '&' || b[0] < 0x20 {
			return Token{}, malformed("no element")
		}
		return Token{}, &Error{BadFormat, "character data between stanzas"}
	}
	if len(b) == 1 {
		return Token{}, ErrMore
	}
	if b[1] == '/' {
		return r.streamEnd(b)
	}
	return r.element()
}

// element reads an element directly below the stream's start tag.
func (r *Reader) element() (Token, error) {
	if err := r.advance(r.outer, false); err != nil {
		return Token{}, err
	}
	d, err := r.scan.own(r.lang)
	if err != nil {
		return Token{}, err
	}
	r.consume(r.scan.pos)
	r.scan.reset()
	r.open = false
	return Token{Kind: TopLevel, Element: Element{doc: d}}, nil
}

// advance lets the scanner read on.
func (r *Reader) advance(o *outer, header bool) error {
	if r.scan == nil {
		r.scan = newScanner(r.limits, o)
	}
	s := r.scan
	s.setLimits(r.limits)
	s.outer, s.header = o, header
	r.open = true
	b := r.bytes()
	s.buf = b[:min(len(b), r.limits.Bytes)]
	if len(s.buf) == 0 {
		return ErrMore
	}
	err := s.scan()
	if len(s.buf) >= r.limits.Bytes && errors.Is(err, ErrMore) {
		return &Error{PolicyViolation, "element too large"}
	}
	return err
}

// streamEnd reads the end tag of the stream at the begin of b.
func (r *Reader) streamEnd(b []byte) (Token, error) {
	name := b[2:min(len(b), 2+len(r.root))]
	if string(name) != r.root[:len(name)] {
		return Token{}, malformed("end tag of another element")
	}
	i := 2 + len(name)
	for i < len(b) && class[b[i]]&blank != 0 {
		i++
	}
	switch {
	case i-len(name) > maxName:
		return Token{}, malformed("end tag too long")
	case i == len(b):
		return Token{}, ErrMore
	case b[i] != '>':
		return Token{}, malformed("end tag of another element")
	}
	r.consume(i + 1)
	r.phase = ended
	return Token{Kind: StreamEnd}, nil
}

// bytes returns what waits in r.
func (r *Reader) bytes() []byte {
	if r.buf == nil {
		return nil
	}
	return r.buf.b[r.start:r.end]
}

// skipBlanks consumes blanks and returns how many there were.
func (r *Reader) skipBlanks() int {
	b := r.bytes()
	n := len(b) - len(bytes.TrimLeft(b, " \t\r\n"))
	r.consume(n)
	return n
}

func (r *Reader) consume(n int) {
	r.start += n
	r.total += int64(n)
	if r.start == r.end {
		r.start, r.end = 0, 0
	}
}

func (r *Reader) closeScan() {
	if r.scan != nil {
		r.scan.free()
	}
	r.scan, r.open = nil, false
}
