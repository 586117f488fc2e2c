// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"strings"

	"tercet/core/element"
)

// Elements as tables of util.stanza.preserialize: name, attr, and the children
// as array part.

// maxElementDepth is how deep elements nest that are stored as tables: each is
// one table deep.
const maxElementDepth = maxDepth - 2

var errNoElement = errors.New("the table is no element")

// appendElement writes the table of an element. The namespace jabber:client is
// not written down, unless one around it is.
func appendElement(b []byte, e element.Element, inside bool, depth int) ([]byte, error) {
	if depth > maxElementDepth {
		return nil, errTooDeep
	}
	b, at := openTable(b)
	i := 0
	inside = inside || e.Space() != element.NSClient
	for child, text := range e.Nodes() {
		i++
		b = appendNumber(b, float64(i))
		if child.IsZero() {
			b = appendString(b, text)
			continue
		}
		var err error
		if b, err = appendElement(b, child, inside, depth+1); err != nil {
			return nil, err
		}
	}
	b = appendAttrs(appendString(b, "attr"), e, inside)
	b = appendString(appendString(b, "name"), e.Local())
	closeTable(b, at)
	return b, nil
}

func appendAttrs(b []byte, e element.Element, inside bool) []byte {
	attrs := table{}
	if inside {
		attrs["xmlns"] = e.Space()
	}
	for name, value := range e.Attrs() {
		key := name.Local
		switch name.Space {
		case "":
		case element.NSXML:
			key = "xml:" + name.Local
		default:
			key = name.Space + "\x01" + name.Local
		}
		attrs[key] = value
	}
	return attrs.appendTo(b)
}

// elementOf returns the element that a table stands for. What XML cannot have
// in names and texts is replaced.
func elementOf(t token) (element.Element, error) {
	var w elementWriter
	if err := w.write(t, element.NSClient, 0); err != nil {
		return element.Element{}, err
	}
	e := w.b.Element()
	if e.IsZero() {
		return e, errTooLarge
	}
	return e, nil
}

type elementWriter struct{ b *element.Builder }

// node is the table of an element, taken apart.
type node struct {
	name     string
	attrs    []token // names and values in turns
	children []token
	space    string
}

func readNode(t token, outside string) (node, error) {
	n := node{space: outside}
	if t.tag != tagTable {
		return n, errNoElement
	}
	var k, v token
	var err error
	for rest := t.text; len(rest) > 0; {
		if k, v, rest, err = nextPair(rest, k); err != nil {
			return n, err
		}
		switch {
		case k.tag == tagInt:
			n.children = append(n.children, v)
		case k.tag != tagString:
		case string(k.text) == "name" && v.tag == tagString:
			n.name = string(v.text)
		case string(k.text) == "attr" && v.tag == tagTable:
			if err := n.readAttrs(v); err != nil {
				return n, err
			}
		}
	}
	if n.name == "" {
		return n, errNoElement
	}
	return n, nil
}

func (n *node) readAttrs(t token) error {
	var k, v token
	var err error
	for rest := t.text; len(rest) > 0; {
		if k, v, rest, err = nextPair(rest, k); err != nil {
			return err
		}
		switch {
		case k.tag != tagString || v.tag != tagString:
		case string(k.text) == "xmlns":
			n.space = string(v.text)
		default:
			n.attrs = append(n.attrs, k, v)
		}
	}
	return nil
}

func (w *elementWriter) write(t token, outside string, depth int) error {
	if depth > maxElementDepth {
		return errTooDeep
	}
	n, err := readNode(t, outside)
	if err != nil {
		return err
	}
	if w.b == nil {
		w.b = element.New(n.space, n.name)
	} else {
		w.b.Open(n.space, n.name)
	}
	for i := 0; i < len(n.attrs); i += 2 {
		key, value := string(n.attrs[i].text), string(n.attrs[i+1].text)
		space, local, found := strings.Cut(key, "\x01")
		switch {
		case found:
			w.b.AttrNS(space, local, value)
		case strings.HasPrefix(key, "xml:"):
			w.b.AttrNS(element.NSXML, key[len("xml:"):], value)
		case !strings.HasPrefix(key, "xmlns:"):
			w.b.Attr(key, value)
		}
	}
	for _, c := range n.children {
		if c.tag == tagString {
			w.b.Text(string(c.text))
			continue
		}
		if err := w.write(c, n.space, depth+1); err != nil {
			return err
		}
	}
	w.b.Close()
	return nil
}
