// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"fmt"
	"slices"
	"strings"

	"tercet/core/element"
	"tercet/core/stanza"
)

// A Filter says which stanzas a guest wants. It is checked before anything is
// made ready for the guest. The zero Filter wants all.
type Filter struct {
	on    bool
	kinds []string
	types []string
	names []element.Name // of a child; no Local: any in that namespace
}

// ParseFilter reads a filter, such as "type=chat,normal child=jabber:client:body".
// Its words must hold together; of the values of one, any: kind=message,
// presence or iq; type as in the stanza, where "normal" and "available" stand
// for no type; ns, of a child; child, which is NS:name.
func ParseFilter(s string) (f Filter, err error) {
	for word := range strings.FieldsSeq(s) {
		key, list, _ := strings.Cut(word, "=")
		if list == "" {
			return f, fmt.Errorf("guest: filter: %q is not key=value", word)
		}
		f.on = true
		for v := range strings.SplitSeq(list, ",") {
			switch key {
			case "kind":
				f.kinds = append(f.kinds, v)
			case "type":
				f.types = append(f.types, v)
			case "ns":
				f.names = append(f.names, element.Name{Space: v})
			case "child":
				at := strings.LastIndexByte(v, ':')
				if at < 1 {
					return f, fmt.Errorf("guest: filter: %q is not NS:name", v)
				}
				f.names = append(f.names, element.Name{Space: v[:at], Local: v[at+1:]})
			default:
				return f, fmt.Errorf("guest: filter: %q is none of kind, type, ns, child", key)
			}
		}
	}
	return f, nil
}

func (f *Filter) match(st *stanza.Stanza) bool {
	if f.kinds != nil && !slices.Contains(f.kinds, st.Kind.String()) {
		return false
	}
	if f.types != nil {
		typ := st.Type
		switch {
		case typ != "":
		case st.Kind == stanza.Message:
			typ = "normal"
		case st.Kind == stanza.Presence:
			typ = "available"
		}
		if !slices.Contains(f.types, typ) {
			return false
		}
	}
	if f.names == nil {
		return true
	}
	for e := range st.Children() {
		for i := range f.names {
			if n := &f.names[i]; n.Local == "" && e.Name().Space == n.Space || n.Local != "" && e.Is(n.Space, n.Local) {
				return true
			}
		}
	}
	return false
}
