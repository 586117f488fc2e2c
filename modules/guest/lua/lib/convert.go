// SPDX-License-Identifier: Apache-2.0

package lib

import (
	lua "github.com/yuin/gopher-lua"

	"tercet/core/element"
)

// View is a stanza object beside the tree that it was made of. Modules change
// the object in place; Same tells whether they have.
type View struct {
	Table *lua.LTable
	nodes []node // the elements, parents first
	attrs []attr // of all nodes
	texts []lua.LString

	firstNodes [6]node // memory for the above, enough for most
	firstAttrs [10]attr
	firstTexts [4]lua.LString
}

// node is one element as it was made.
type node struct {
	table, attr, tags *lua.LTable
	name              lua.LString
	attrs, kids       int // how many
}

type attr struct {
	key   string
	value lua.LString
}

// View makes a stanza object of e. The namespace jabber:client is not written
// down on the top element and below it, as Prosody has it.
func (s *Stanzas) View(l *lua.LState, e element.Element) *View {
	v := &View{Table: l.CreateTable(4, fields)}
	v.nodes, v.attrs, v.texts = v.firstNodes[:0], v.firstAttrs[:0], v.firstTexts[:0]
	s.view(l, v, e, v.Table, false)
	return v
}

// Refill makes the object of v say what e says. Whoever holds the object sees
// the change; elements below it are new.
func (s *Stanzas) Refill(l *lua.LState, v *View, e element.Element) {
	truncate(v.Table, 0)
	v.Table.RawSetString("last_add", lua.LNil)
	v.Table.RawSetString("namespaces", lua.LNil)
	v.nodes, v.attrs, v.texts = v.nodes[:0], v.attrs[:0], v.texts[:0]
	s.view(l, v, e, v.Table, false)
}

// view fills t with e; inside says that an element around it has a namespace
// that is written down.
func (s *Stanzas) view(l *lua.LState, v *View, e element.Element, t *lua.LTable, inside bool) {
	n := node{table: t, name: lua.LString(e.Local()), tags: l.CreateTable(few(e), 0)}
	before := len(v.attrs)
	space := e.Space()
	inside = inside || space != element.NSClient
	if inside || hasAttrs(e) {
		n.attr = l.CreateTable(0, fields)
	} else {
		n.attr = l.CreateTable(0, 0)
	}
	if inside {
		v.attr(n.attr, "xmlns", space)
	}
	for name, value := range e.Attrs() {
		v.attr(n.attr, attrKey(name), value)
	}
	n.attrs = len(v.attrs) - before
	s.fill(t, n.name, n.attr, n.tags)
	at := len(v.nodes)
	v.nodes = append(v.nodes, n)
	kids := 0
	for child, words := range e.Nodes() {
		kids++
		if child.IsZero() {
			v.texts = append(v.texts, lua.LString(words))
			appendTo(t, lua.LString(words))
			continue
		}
		c := l.CreateTable(max(few(child), 1), fields)
		appendTo(t, c)
		appendTo(n.tags, c)
		s.view(l, v, child, c, inside)
	}
	v.nodes[at].kids = kids
}

// few is room for the elements in e, 0 if it has none.
func few(e element.Element) int {
	if e.First().IsZero() {
		return 0
	}
	return 4
}

func (v *View) attr(t *lua.LTable, key, value string) {
	v.attrs = append(v.attrs, attr{key, lua.LString(value)})
	t.RawSetString(key, lua.LString(value))
}

// attrKey is the name of an attribute in a stanza object.
func attrKey(n element.Name) string {
	switch n.Space {
	case "":
		return n.Local
	case element.NSXML:
		return "xml:" + n.Local
	}
	return n.Space + "\x01" + n.Local
}

// Same reports whether the object still says what it was made of. When it
// does not, ToElement makes a new tree, which may turn out to be equal.
func (v *View) Same() bool {
	c := comparison{View: v}
	return c.same(v.Table)
}

// comparison is a walk over a View.
type comparison struct {
	*View
	node, attr, text int // what comes next
}

func (c *comparison) same(t *lua.LTable) bool {
	if c.node == len(c.nodes) || c.nodes[c.node].table != t {
		return false
	}
	n := &c.nodes[c.node]
	c.node++
	if t.RawGetString("name") != n.name || t.RawGetString("attr") != n.attr || t.RawGetString("tags") != n.tags ||
		!c.sameAttrs(n) || t.Len() != n.kids {
		return false
	}
	elements := 0
	for i := range n.kids {
		switch v := t.RawGetInt(i + 1).(type) {
		case *lua.LTable:
			elements++
			if n.tags.RawGetInt(elements) != v || !c.same(v) {
				return false
			}
		case lua.LString:
			if c.text == len(c.texts) || c.texts[c.text] != v {
				return false
			}
			c.text++
		default:
			return false
		}
	}
	return n.tags.Len() == elements
}

func (c *comparison) sameAttrs(n *node) bool {
	want := c.attrs[c.attr : c.attr+n.attrs]
	c.attr += n.attrs
	i := 0
	for k, v := n.attr.Next(lua.LNil); k != lua.LNil; k, v = n.attr.Next(k) {
		if i == len(want) {
			return false
		}
		if name, ok := k.(lua.LString); !ok || string(name) != want[i].key || v != want[i].value {
			return n.attr.RawGetString(want[i].key) == want[i].value && sameSet(n.attr, want)
		}
		i++
	}
	return i == len(want)
}

// sameSet compares attributes that were set in another order.
func sameSet(t *lua.LTable, want []attr) bool {
	count := 0
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		count++
	}
	for _, a := range want {
		if t.RawGetString(a.key) != a.value {
			return false
		}
	}
	return count == len(want)
}

func hasAttrs(e element.Element) bool {
	for range e.Attrs() {
		return true
	}
	return false
}
