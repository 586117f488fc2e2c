// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"slices"
	"strings"
)

const saxBlank = " \t\r\n"

func (x *sax) startTag() (int, error) {
	end := x.tagEnd()
	if end < 0 {
		return 0, nil
	}
	if x.began && len(x.open) == 0 {
		return 0, errSAXJunk
	}
	inner, empty := strings.CutSuffix(string(x.buf[1:end]), "/")
	name, rest := cutName(inner)
	if !isQName(name, x.spaces) || len(x.open) >= maxDepth {
		return 0, errSAXToken
	}
	attrs, err := saxAttrs(rest)
	if err != nil {
		return 0, err
	}
	x.flush()
	x.began = true
	x.open = append(x.open, name)
	full := name
	if x.spaces {
		if full, attrs, err = x.bind(name, attrs); err != nil {
			return 0, err
		}
	}
	if x.on.start != nil {
		x.on.start(full, attrs)
	}
	if empty {
		x.close()
	}
	return end + 1, nil
}

// cutName takes a name off the begin of a tag.
func cutName(s string) (name, rest string) {
	if i := strings.IndexAny(s, saxBlank); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

func isQName(s string, spaces bool) bool {
	prefix, local, ok := strings.Cut(s, ":")
	switch {
	case !ok:
		return isName(s)
	case spaces:
		return isName(prefix) && isName(local)
	}
	return isName(strings.ReplaceAll(s, ":", "_"))
}

// saxAttrs reads the attributes in a start tag.
func saxAttrs(s string) ([]saxAttr, error) {
	var attrs []saxAttr
	for {
		trimmed := strings.TrimLeft(s, saxBlank)
		if trimmed == "" {
			return attrs, nil
		}
		name, value, ok := strings.Cut(trimmed, "=")
		name = strings.TrimRight(name, saxBlank)
		value = strings.TrimLeft(value, saxBlank)
		if !ok || trimmed == s || !isQName(name, false) || value == "" || value[0] != '"' && value[0] != '\'' {
			return nil, errSAXToken
		}
		end := strings.IndexByte(value[1:], value[0])
		if end < 0 {
			return nil, errSAXToken
		}
		v, err := unescape(value[1:1+end], true)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(attrs, func(a saxAttr) bool { return a.name == name }) {
			return nil, errSAXDuplicate
		}
		if attrs = append(attrs, saxAttr{name, v}); len(attrs) > 256 {
			return nil, errSAXMemory
		}
		s = value[end+2:]
	}
}

// bind takes declarations out of attrs and puts namespaces into names.
func (x *sax) bind(name string, attrs []saxAttr) (string, []saxAttr, error) {
	kept := attrs[:0]
	for _, a := range attrs {
		prefix, declares := strings.CutPrefix(a.name, "xmlns:")
		if !declares && a.name != "xmlns" {
			kept = append(kept, a)
			continue
		}
		if !declares {
			prefix = ""
		}
		if declares && (a.value == "" || prefix == "xmlns" || prefix == "xml" && a.value != nsXML) {
			return "", nil, saxError("reserved prefix (xml) must not be undeclared or bound to another namespace name")
		}
		if strings.Contains(a.value, x.sep) && x.sep != "" {
			return "", nil, saxError("illegal character(s) in a namespace name")
		}
		if x.binds = append(x.binds, saxBind{prefix, a.value, len(x.open)}); len(x.binds) > maxBinds {
			return "", nil, errSAXMemory
		}
		if x.on.startSpace != nil {
			x.on.startSpace(prefix, a.value)
		}
	}
	for i := range kept {
		if !strings.Contains(kept[i].name, ":") {
			continue
		}
		full, err := x.expand(kept[i].name)
		if err != nil {
			return "", nil, err
		}
		if slices.ContainsFunc(kept[:i], func(a saxAttr) bool { return a.name == full }) {
			return "", nil, errSAXDuplicate
		}
		kept[i].name = full
	}
	full, err := x.expand(name)
	return full, kept, err
}

// maxBinds is how many declarations may be in scope; each name is looked for
// among them.
const maxBinds = 256

const nsXML = "http://www.w3.org/XML/1998/namespace"

// expand returns the name of an element with its namespace.
func (x *sax) expand(name string) (string, error) {
	prefix, local, ok := strings.Cut(name, ":")
	if !ok {
		prefix, local = "", name
	}
	for _, b := range slices.Backward(x.binds) {
		if b.prefix != prefix {
			continue
		}
		if b.uri == "" {
			return local, nil
		}
		return b.uri + x.sep + local, nil
	}
	switch prefix {
	case "":
		return local, nil
	case "xml":
		return nsXML + x.sep + local, nil
	}
	return "", errSAXPrefix
}

func (x *sax) endTag() (int, error) {
	end := x.tagEnd()
	if end < 0 {
		return 0, nil
	}
	name := strings.TrimRight(string(x.buf[2:end]), saxBlank)
	if len(x.open) == 0 {
		if x.began {
			return 0, errSAXJunk
		}
		return 0, errSAXToken
	}
	if name != x.open[len(x.open)-1] {
		return 0, errSAXMismatch
	}
	x.flush()
	x.close()
	return end + 1, nil
}

// close ends the innermost element.
func (x *sax) close() {
	depth := len(x.open)
	name := x.open[depth-1]
	if x.spaces {
		name, _ = x.expand(name) // it was bound when it began
	}
	if x.on.end != nil {
		x.on.end(name)
	}
	x.open = x.open[:depth-1]
	for len(x.binds) > 0 && x.binds[len(x.binds)-1].depth == depth {
		if x.on.endSpace != nil {
			x.on.endSpace(x.binds[len(x.binds)-1].prefix)
		}
		x.binds = x.binds[:len(x.binds)-1]
	}
}

func (x *sax) cdata(s string) error {
	if len(x.open) == 0 || !isText(s) {
		return errSAXToken
	}
	if x.on.startCDATA != nil || x.on.endCDATA != nil {
		x.flush()
	}
	if x.on.startCDATA != nil {
		x.on.startCDATA()
	}
	x.text = append(x.text, strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")...)
	if x.on.endCDATA != nil {
		x.flush()
		x.on.endCDATA()
	}
	return nil
}

func (x *sax) processing(s string) error {
	target, data := cutName(s)
	data = strings.TrimLeft(data, saxBlank)
	if !isName(target) || !isText(data) {
		return errSAXToken
	}
	if !strings.EqualFold(target, "xml") {
		x.flush()
		if x.on.instruction != nil {
			x.on.instruction(target, data)
		}
		return nil
	}
	if target != "xml" || x.pos != 1 {
		return saxError("XML or text declaration not at start of entity")
	}
	attrs, err := saxAttrs(" " + strings.TrimRight(data, saxBlank))
	if err != nil || len(attrs) == 0 || attrs[0].name != "version" {
		return saxError("XML declaration not well-formed")
	}
	var encoding, standalone string
	for _, a := range attrs[1:] {
		switch a.name {
		case "encoding":
			if encoding = a.value; !strings.EqualFold(encoding, "utf-8") && !strings.EqualFold(encoding, "us-ascii") {
				return saxError("unknown encoding")
			}
		case "standalone":
			standalone = a.value
		default:
			return saxError("XML declaration not well-formed")
		}
	}
	if x.on.declaration != nil {
		x.on.declaration(attrs[0].value, encoding, standalone)
	}
	return nil
}

// doctype passes over a document type, whose declarations count for nothing.
func (x *sax) doctype() (int, error) {
	if x.began {
		return 0, errSAXSyntax
	}
	depth, quote := 0, byte(0)
	for i := len("<!DOCTYPE"); i < len(x.buf); i++ {
		switch c := x.buf[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"', c == '\'':
			quote = c
		case c == '[':
			depth++
		case c == ']':
			depth--
		case c == '>' && depth == 0:
			return i + 1, x.doctypeIs(string(x.buf[len("<!DOCTYPE"):i]))
		case i > 1<<13:
			return 0, errSAXMemory
		}
	}
	return 0, nil
}

func (x *sax) doctypeIs(s string) error {
	trimmed := strings.TrimLeft(s, saxBlank)
	name, _ := cutName(trimmed)
	name, _, _ = strings.Cut(name, "[")
	if trimmed == s || !isQName(name, false) {
		return errSAXSyntax
	}
	if x.on.startDoctype != nil {
		x.on.startDoctype(name, strings.Contains(s, "["))
	}
	if x.on.endDoctype != nil {
		x.on.endDoctype()
	}
	return nil
}
