// SPDX-License-Identifier: Apache-2.0

package element

import "bytes"

// own returns what s has read as a document of its own in normal form, with
// xml:lang on a stanza that has none. It takes three allocations.
func (s *scanner) own(lang *langAttr) (*Doc, error) {
	if s.rewrite {
		t, err := s.normalised()
		if err != nil {
			return nil, err
		}
		defer t.free()
		s.spare = t.buf
		return t.own(lang)
	}
	ed := s.edits(lang)
	d := &Doc{prefixes: s.prefixes}
	d.buf = ed.appendTo(make([]byte, 0, s.pos+ed.delta()), s.buf[:s.pos])
	d.recs = ed.records(make([]rec, 0, len(s.recs)+ed.count()), s.recs)
	return d, nil
}

// normalised writes what s has read in normal form and reads that again.
func (s *scanner) normalised() (*scanner, error) {
	out, err := s.appendNormal(s.spare[:0], 0, nsClient, s.limits.Bytes)
	if err != nil {
		return nil, err
	}
	wide := Limits{Bytes: len(out), Depth: s.limits.Depth, Attrs: maxAttrs, Children: s.limits.Children}
	t := newScanner(wide, plain)
	t.buf = out
	if err := t.scan(); err != nil || t.rewrite || t.pos != len(out) {
		t.free()
		return nil, &Error{PolicyViolation, "element without a normal form"}
	}
	return t, nil
}

// appendNormal writes the element n below the default namespace parent: no
// element has a prefix, no CDATA is left, and a prefix from outside that is in
// use is declared at the top. max bounds the result, because namespaces that
// were written once may have to be written often.
func (s *scanner) appendNormal(dst []byte, n, parent int32, limit int) ([]byte, error) {
	e := &s.recs[n]
	local := s.buf[e.start+1 : e.nameEnd]
	if e.plen > 0 {
		local = local[e.plen+1:]
	}
	dst = append(append(dst, '<'), local...)
	if e.ns != parent && string(s.spaceOf(e.ns)) != string(s.spaceOf(parent)) {
		dst = appendDecl(dst, "", string(s.spaceOf(e.ns)))
	}
	if n == 0 && s.usesOuter {
		dst = s.appendOuter(dst)
	}
	for i := n + 1; i <= n+int32(e.nattr); i++ {
		if a := &s.recs[i]; a.flags&(flagDecl|flagPrefixed) != flagDecl {
			dst = append(dst, ' ')
			dst = append(dst, s.buf[a.start:a.nameEnd]...)
			dst = append(dst, '=')
			dst = append(dst, s.buf[a.body-1:a.end+1]...)
		}
	}
	if e.flags&flagNodes == 0 {
		return append(dst, "/>"...), nil
	}
	dst = append(dst, '>')
	for c := n + 1 + int32(e.nattr); c != 0; c = s.recs[c].next {
		var err error
		switch r := &s.recs[c]; {
		case r.kind == kindElement:
			dst, err = s.appendNormal(dst, c, e.ns, limit)
		case r.flags&flagCDATA != 0:
			dst = appendCDATA(dst, s.buf[r.start:r.end])
		default:
			dst = appendJoined(dst, s.buf[r.start:r.end])
		}
		if err != nil {
			return nil, err
		}
		if len(dst) > limit {
			return nil, &Error{PolicyViolation, "element too large in its normal form"}
		}
	}
	dst = append(append(dst, "</"...), local...)
	return append(dst, '>'), nil
}

// appendOuter declares the prefixes from outside that are in use.
func (s *scanner) appendOuter(dst []byte) []byte {
	for k := range s.outer.prefixes {
		for i := range s.recs {
			if s.recs[i].ns == nsOuter-at(k) && s.recs[i].kind == kindAttr {
				b := s.outer.prefixes[k]
				dst = appendDecl(dst, b.prefix, b.space)
				break
			}
		}
	}
	return dst
}

// appendJoined writes character data that may follow a CDATA section: "]]"
// there and ">" here must not become "]]>".
func appendJoined(dst, b []byte) []byte {
	n := len(b) - len(bytes.TrimLeft(b, "]"))
	if n == len(b) || b[n] != '>' {
		return append(dst, b...)
	}
	dst = append(append(dst, b[:n]...), "&gt;"...)
	return append(dst, b[n+1:]...)
}

// appendCDATA writes the content of a CDATA section as character data.
func appendCDATA(dst, b []byte) []byte {
	for i, c := range b {
		switch c {
		case '<', '>', '&':
			dst = append(dst, escapes(c)...)
		case '\r':
			if i+1 == len(b) || b[i+1] != '\n' {
				dst = append(dst, '\n')
			}
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// edit is the change of a start tag that turns what was read into normal
// form: insert stands behind the name, and drop goes.
type edit struct {
	insert   string
	at       int32 // where the name ends
	from, to int32 // what goes, the blanks before the attribute included
	drop     int32 // its record, 0 for none
	escaped  bool  // the value that is inserted has references
}

// langAttr is the attribute xml:lang that stanzas without one get.
type langAttr struct {
	text    string // as it stands in a start tag, with the blank before it
	escaped bool   // it has references
}

func newLangAttr(lang string) *langAttr {
	if lang == "" {
		return nil
	}
	t := string(append(AppendEscapedAttr([]byte(" xml:lang='"), lang), '\''))
	return &langAttr{t, len(t) != len(" xml:lang=''")+len(lang)}
}

// edits returns what the element that s has read needs.
func (s *scanner) edits(lang *langAttr) edit {
	top := &s.recs[0]
	ed := edit{at: top.nameEnd, from: top.nameEnd, to: top.nameEnd, drop: s.drop}
	if s.drop != 0 {
		a := &s.recs[s.drop]
		ed.from, ed.to = a.start, a.end+1
		for class[s.buf[ed.from-1]]&blank != 0 {
			ed.from--
		}
	}
	if lang != nil && top.ns == nsClient && !s.hasLang() {
		ed.insert, ed.escaped = lang.text, lang.escaped
	}
	return ed
}

func (s *scanner) hasLang() bool {
	for i := range s.recs[1 : 1+s.recs[0].nattr] {
		if a := &s.recs[1+i]; string(s.buf[a.start:a.nameEnd]) == "xml:lang" {
			return true
		}
	}
	return false
}

// delta is by how much the bytes grow, count by how many the records do.
func (ed *edit) delta() int { return len(ed.insert) - int(ed.to-ed.from) }

func (ed *edit) count() int {
	n := 0
	if ed.insert != "" {
		n++
	}
	if ed.drop != 0 {
		n--
	}
	return n
}

func (ed *edit) appendTo(dst, src []byte) []byte {
	dst = append(dst, src[:ed.at]...)
	dst = append(dst, ed.insert...)
	dst = append(dst, src[ed.at:ed.from]...)
	return append(dst, src[ed.to:]...)
}

// records appends recs as they are after the edit. Offsets behind both
// changes move by delta, indices behind both by count.
func (ed *edit) records(dst, recs []rec) []rec {
	if ed.insert == "" && ed.drop == 0 {
		return append(dst, recs...)
	}
	top := recs[0]
	move, count := at(ed.delta()), at(ed.count())
	dst = append(dst, rec{
		start: 0, nameEnd: top.nameEnd, body: top.body + move, tail: top.tail + move, end: top.end + move,
		ns: ed.index(top.ns), kind: kindElement, flags: top.flags, nattr: top.nattr,
	})
	if ed.drop != 0 {
		dst[0].flags &^= flagOwnNS
		dst[0].nattr--
	}
	if ed.insert != "" {
		dst[0].nattr++
		dst = append(dst, ed.langRecord())
	}
	for i := int32(1); i < at(len(recs)); i++ {
		if i == ed.drop {
			continue
		}
		r := recs[i]
		by := move
		if r.end < ed.from {
			by = at(len(ed.insert))
		}
		r.start, r.end = r.start+by, r.end+by
		if r.kind != kindText {
			r.nameEnd, r.body = r.nameEnd+by, r.body+by
			r.ns = ed.index(r.ns)
		}
		if r.kind == kindElement {
			r.tail += by
		}
		if r.next != 0 {
			r.next += count
		}
		if r.parent != 0 {
			r.parent += count
		}
		dst = append(dst, r)
	}
	return dst
}

// index returns the namespace ns after the edit.
func (ed *edit) index(ns int32) int32 {
	switch {
	case ns < 0:
		return ns
	case ns < ed.drop:
		if ed.insert != "" {
			return ns + 1
		}
		return ns
	}
	return ns + at(ed.count())
}

func (ed *edit) langRecord() rec {
	r := rec{start: ed.at + 1, nameEnd: ed.at + 9, body: ed.at + 11, ns: nsXML, kind: kindAttr, flags: flagPrefixed, plen: 3}
	r.end = ed.at + at(len(ed.insert)) - 1
	if ed.escaped {
		r.flags |= flagEscaped
	}
	return r
}
