// SPDX-License-Identifier: Apache-2.0

package element

import "errors"

// wide are the limits of documents that do not come from a stream: what the
// limits of a stream let in, wrapped a few times, must pass.
var wide = Limits{Bytes: 1 << 28, Depth: 1024, Attrs: maxAttrs, Children: 1 << 22}

// Parse reads one complete element, below the default namespace NSClient. It
// copies b.
func Parse(b []byte) (Element, error) { return ParseWithin(b, wide) }

// ParseWithin is Parse with limits, for elements that come from a peer in a
// frame of their own (RFC 7395, XEP-0124).
func ParseWithin(b []byte, l Limits) (Element, error) {
	s := newScanner(l, plain)
	defer s.free()
	if err := s.whole(b); err != nil {
		return Element{}, err
	}
	d, err := s.own(nil)
	if err != nil {
		return Element{}, err
	}
	return Element{doc: d}, nil
}

// Parse reads one complete element into d, whose former elements must not be
// used any more. It copies b and allocates nothing once d is large enough.
func (d *Doc) Parse(b []byte) (Element, error) {
	if d.arena == nil {
		d.arena = new(arena)
	}
	s := &d.arena.scan
	s.recs, s.outer = d.recs[:0], plain
	s.setLimits(wide)
	s.reset()
	d.buf = append(d.buf[:0], b...)
	err := s.whole(d.buf)
	if err == nil && (s.rewrite || s.drop != 0) {
		err = s.again(d)
	}
	d.recs, d.prefixes = s.recs, s.prefixes
	if err != nil {
		return Element{}, err
	}
	d.buf = s.buf
	return Element{doc: d}, nil
}

// again writes what s has read in normal form and reads that into d.
func (s *scanner) again(d *Doc) error {
	out, err := s.appendNormal(d.arena.other[:0], 0, nsClient, s.limits.Bytes)
	if err != nil {
		return err
	}
	d.arena.other = d.buf
	s.reset()
	return s.whole(out)
}

// whole reads b, which holds one element and blanks around it. s.buf is the
// element afterwards.
func (s *scanner) whole(b []byte) error {
	for len(b) > 0 && class[b[0]]&blank != 0 {
		b = b[1:]
	}
	if len(b) == 0 || b[0] != '<' {
		return malformed("element expected")
	}
	if s.buf = b; len(b) > s.limits.Bytes {
		return &Error{PolicyViolation, "element too large"}
	}
	switch err := s.scan(); {
	case errors.Is(err, ErrMore):
		return malformed("element without an end")
	case err != nil:
		return err
	}
	for _, c := range b[s.pos:] {
		if class[c]&blank == 0 {
			return malformed("more than one element")
		}
	}
	s.buf = b[:s.pos]
	return nil
}
