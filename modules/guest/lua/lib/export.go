// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"fmt"
	"strings"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/element"
)

// Object makes a stanza object of e, for those who do not compare it later.
func (s *Stanzas) Object(l *lua.LState, e element.Element) *lua.LTable { return s.View(l, e).Table }

// MaxBytes is how large a stanza may be that a module sends: four times what a
// client may send, and much less than may wait for one.
const MaxBytes = 1 << 20

// maxElements is how many elements an object may have that becomes a tree.
const maxElements = 25_000

// ToElement makes a tree of a stanza object. Names, attributes, characters and
// namespaces must be those that XML can have; prefixes must be known. What a
// module made wrong is an error that says where.
func ToElement(t *lua.LTable) (element.Element, error) {
	x := exporter{spaces: map[string]string{"stream": element.NSStream}}
	if err := x.element(t, element.NSClient, 0); err != nil {
		return element.Element{}, fmt.Errorf("read a stanza object: %w", err)
	}
	e := x.b.Element()
	if e.IsZero() || e.Size() > MaxBytes {
		return e, stanzaError("larger than any stanza may be")
	}
	return e, nil
}

// exporter writes stanza objects into a Builder.
type exporter struct {
	b      *element.Builder
	spaces map[string]string // by their prefixes
	count  int
}

// element writes t below the namespace outside.
func (x *exporter) element(t *lua.LTable, outside string, depth int) error {
	if x.count++; depth > maxDepth || x.count > maxElements {
		return stanzaError("nested too deep, or too many elements")
	}
	name, ok := str(t.RawGetString("name"))
	if !ok {
		return stanzaError("an element without a name")
	}
	attrs, ok := t.RawGetString("attr").(*lua.LTable)
	if !ok {
		return stanzaError("<" + name + "/> without attributes")
	}
	space := outside
	if v := attrs.RawGetString("xmlns"); v != lua.LNil {
		if space, ok = str(v); !ok || !isSpace(space) || space == element.NSXML {
			return stanzaError("<" + name + "/> has a bad namespace")
		}
	}
	own := space
	if prefix, local, ok := strings.Cut(name, ":"); ok {
		if own, ok = x.prefix(t, prefix); !ok {
			return stanzaError("the prefix of <" + name + "/> is not known")
		}
		name = local
	}
	if !isName(name) {
		return stanzaError(fmt.Sprintf("%q is no name of an element", name))
	}
	if x.b == nil {
		x.b = element.New(own, name)
	} else {
		x.b.Open(own, name)
	}
	if err := x.attrs(t, name, attrs); err != nil {
		return err
	}
	if err := x.children(t, name, space, depth); err != nil {
		return err
	}
	x.b.Close()
	return nil
}

// prefix returns the namespace of a prefix.
func (x *exporter) prefix(t *lua.LTable, prefix string) (string, bool) {
	if spaces, ok := t.RawGetString("namespaces").(*lua.LTable); ok {
		if space, ok := str(spaces.RawGetString(prefix)); ok {
			return space, isSpace(space) && space != ""
		}
	}
	if space, ok := str(attrOf(t, "xmlns:"+prefix)); ok {
		return space, isSpace(space) && space != ""
	}
	space, ok := x.spaces[prefix]
	return space, ok
}

func (x *exporter) attrs(t *lua.LTable, name string, attrs *lua.LTable) error {
	for k, v := attrs.Next(lua.LNil); k != lua.LNil; k, v = attrs.Next(k) {
		key, isString := str(k)
		value, isText := stringy(v)
		if !isString || !isText {
			return stanzaError(fmt.Sprintf("attribute %s of <%s/> is a %s", k.String(), name, v.Type()))
		}
		if key == "xmlns" {
			continue
		}
		if err := x.attr(t, name, key, value); err != nil {
			return err
		}
	}
	return nil
}

func (x *exporter) attr(t *lua.LTable, name, key, value string) error {
	bad := func(why string) error {
		return stanzaError(fmt.Sprintf("attribute %q of <%s/>: %s", key, name, why))
	}
	if !isText(value) {
		return bad("forbidden characters")
	}
	space, local, ok := strings.Cut(key, "\x01")
	if !ok {
		space, local = "", key
		if prefix, rest, ok := strings.Cut(key, ":"); ok {
			switch prefix {
			case "xmlns":
				return nil // what needs it declares it
			case "xml":
				space = element.NSXML
			default:
				if space, ok = x.prefix(t, prefix); !ok {
					return bad("unknown prefix")
				}
			}
			local = rest
		}
	}
	if !isName(local) || !isSpace(space) {
		return bad("no name of an attribute")
	}
	x.b.AttrNS(space, local, value)
	return nil
}

func (x *exporter) children(t *lua.LTable, name, space string, depth int) error {
	for i := range t.Len() {
		v := t.RawGetInt(i + 1)
		if child, ok := v.(*lua.LTable); ok {
			if err := x.element(child, space, depth+1); err != nil {
				return err
			}
			continue
		}
		words, ok := stringy(v)
		if !ok || !isText(words) {
			return stanzaError(fmt.Sprintf("<%s/> has a child that is a %s, or forbidden characters", name, v.Type()))
		}
		x.b.Text(words)
	}
	return nil
}

// isSpace reports whether s can be declared as a namespace.
func isSpace(s string) bool {
	return len(s) <= 1024 && isText(s) && s != "http://www.w3.org/2000/xmlns/"
}

// isName reports whether s is a name without a prefix (Namespaces in XML 1.0,
// NCName).
func isName(s string) bool {
	if s == "" || len(s) > 1024 || !utf8.ValidString(s) {
		return false
	}
	for i, r := range s {
		if !isNameRune(r, i == 0) {
			return false
		}
	}
	return true
}

func isNameRune(r rune, first bool) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '_':
		return true
	case r >= '0' && r <= '9', r == '-', r == '.':
		return !first
	case r < 0xC0:
		return !first && r == 0xB7
	}
	return inRanges(nameStart, r) || !first && inRanges(nameMore, r)
}

// Name characters beyond ASCII (XML 1.0, section 2.3), as pairs of first and
// last.
var (
	nameStart = []rune{
		0xC0, 0xD6, 0xD8, 0xF6, 0xF8, 0x2FF, 0x370, 0x37D, 0x37F, 0x1FFF, 0x200C, 0x200D, 0x2070, 0x218F,
		0x2C00, 0x2FEF, 0x3001, 0xD7FF, 0xF900, 0xFDCF, 0xFDF0, 0xFFFD, 0x10000, 0xEFFFF,
	}
	nameMore = []rune{0x300, 0x36F, 0x203F, 0x2040}
)

func inRanges(pairs []rune, r rune) bool {
	for i := 0; i < len(pairs); i += 2 {
		if r >= pairs[i] && r <= pairs[i+1] {
			return true
		}
	}
	return false
}
