// SPDX-License-Identifier: Apache-2.0

package element

import "sync"

// scanner reads one element. It stops at any byte with ErrMore and goes on
// where it stopped when buf has grown: text, blanks and values are never read
// twice, names and references are short enough to be.
type scanner struct {
	buf   []byte // the element as far as it is there, from its "<" on
	pos   int    // what stands before it has been read
	recs  []rec
	stack []frame // the open elements
	binds []bind  // the prefixes in scope, the innermost last
	outer *outer

	limits   Limits
	elements int

	state    state
	header   bool // read a start tag only
	mark     int  // where the text or value that is being read begins
	quote    byte // of the value that is being read
	blank    bool // a blank stands before pos, inside of a tag
	escaped  bool // the text or value that is being read has references or line ends
	declares bool // the start tag that is being read declares a namespace
	prefixed bool // the start tag that is being read has a prefix in it

	rewrite   bool   // what was read is not in normal form
	drop      int32  // attribute of the top element that the normal form lacks, 0 for none
	usesOuter bool   // a prefix from outside is in use
	prefixes  bool   // a prefix is declared
	spare     []byte // for normalisation
}

type state uint8

const (
	inContent   state = iota // text, or the begin of markup
	inTag                    // start tag behind its name or an attribute
	inAttrEq                 // behind the name of an attribute
	inAttrQuote              // behind the equals sign
	inAttrValue              // behind the quote
	inEndTag                 // end tag behind its name
	inCDATA                  // behind "<![CDATA["
	complete
)

// frame is an open element.
type frame struct {
	node  int32
	last  int32 // its last child, 0 without one
	space int32 // the default namespace below it
	binds int   // how many prefixes were in scope outside of it
}

// bind is a declared prefix.
type bind struct {
	from, to int32 // where its name stands
	rec      int32 // its declaration
	spaces   int32 // how many bytes the namespaces in scope have up to it
}

// outer is what the start tag of the stream declares.
type outer struct {
	content  string // the content namespace
	space    string // the default namespace
	prefixes []binding
}

type binding struct{ prefix, space string }

// plain is what a document of its own has around it.
var plain = &outer{content: NSClient, space: NSClient}

// maxName is how many bytes a name may have. It bounds what is read again
// when bytes arrive one by one.
const maxName = 1024

// maxAttrs is the highest limit of attributes: rec counts them in a byte, and
// the normal form may add some.
const maxAttrs = 240

var scanners = sync.Pool{New: func() any { return new(scanner) }}

func newScanner(l Limits, o *outer) *scanner {
	s, _ := scanners.Get().(*scanner)
	s.setLimits(l)
	s.outer = o
	return s
}

func (s *scanner) setLimits(l Limits) {
	l.Attrs = min(l.Attrs, maxAttrs)
	s.limits = l
}

// free gives s back, unless an unusual document has made it large.
func (s *scanner) free() {
	s.reset()
	if cap(s.recs) <= 2048 && cap(s.spare) <= 32768 {
		scanners.Put(s)
	}
}

// reset makes s ready for the next element.
func (s *scanner) reset() {
	*s = scanner{
		recs: s.recs[:0], stack: s.stack[:0], binds: s.binds[:0], spare: s.spare[:0],
		limits: s.limits, outer: s.outer,
	}
}

// scan reads on until the element is complete. s.buf is set by the caller
// and begins with "<".
func (s *scanner) scan() error {
	for s.state != complete {
		var err error
		switch s.state {
		case inContent:
			err = s.content()
		case inTag:
			err = s.tag()
		case inAttrEq:
			err = s.attrEq()
		case inAttrQuote:
			err = s.attrQuote()
		case inAttrValue:
			err = s.attrValue()
		case inEndTag:
			err = s.endTag()
		case inCDATA:
			err = s.cdata()
		default: // complete, as the loop asks
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// content reads character data up to the next markup.
func (s *scanner) content() error {
	b, i := s.buf, s.pos
	for {
		for i < len(b) && class[b[i]]&plainText != 0 {
			i++
		}
		s.pos = i
		if i == len(b) {
			return ErrMore
		}
		n := 1
		var err error
		switch c := b[i]; {
		case c == '<':
			s.text(0)
			return s.markup()
		case c == '&':
			s.escaped = true
			n, err = reference(b[i:])
		case c == '\r':
			s.escaped = true
		case c == '>':
			if i-s.mark >= 2 && b[i-1] == ']' && b[i-2] == ']' {
				return malformed("]]> in character data")
			}
		case c >= 0x80:
			n, err = runeAt(b[i:])
		default:
			return malformed("character that XML forbids")
		}
		if err != nil {
			return err
		}
		i += n
	}
}

// text keeps the text between mark and pos, if there is any.
func (s *scanner) text(f flags) {
	if s.pos > s.mark {
		if s.escaped {
			f |= flagEscaped
		}
		n := s.add(rec{kind: kindText, flags: f})
		s.recs[n].start, s.recs[n].end = at(s.mark), at(s.pos)
	}
	s.mark, s.escaped = s.pos, false
}

// add appends a child to the innermost element.
func (s *scanner) add(r rec) int32 {
	n := at(len(s.recs))
	s.recs = append(s.recs, r)
	if len(s.stack) > 0 {
		f := &s.stack[len(s.stack)-1]
		s.recs[n].parent = f.node
		if f.last != 0 {
			s.recs[f.last].next = n
		} else {
			s.recs[f.node].flags |= flagNodes
		}
		f.last = n
	}
	return n
}

// cdata reads up to the end of a CDATA section.
func (s *scanner) cdata() error {
	b, i := s.buf, s.pos
	for i < len(b) {
		c := b[i]
		n := 1
		switch {
		case c == '>' && i-s.mark >= 2 && b[i-1] == ']' && b[i-2] == ']':
			s.pos = i - 2
			s.text(flagCDATA)
			s.pos = i + 1
			s.mark, s.state, s.rewrite = s.pos, inContent, true
			return nil
		case c >= 0x80:
			var err error
			if n, err = runeAt(b[i:]); err != nil {
				s.pos = i
				return err
			}
		case c < 0x20 && class[c]&blank == 0:
			return malformed("character that XML forbids")
		}
		i += n
	}
	s.pos = i
	return ErrMore
}

// at makes an offset or index of i; the limits keep it far below 2^31.
func at(i int) int32 { return int32(i) } //nolint:gosec // see above
