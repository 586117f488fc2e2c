// SPDX-License-Identifier: Apache-2.0

package store

import (
	"fmt"
	"math"
	"time"

	"tercet/core/element"
	"tercet/core/jid"
	"tercet/core/storage"
)

// item is an entry of an archive, or of a list of datamanager.
type item struct {
	id    string // in the archive
	key   string // what Lua calls it: the id, or what Lua has named it
	when  time.Time
	with  string
	xml   []byte // a stanza
	value []byte // or a value of a list, as encodeInner writes it
}

// An entry lies in the archive as the native modules have it, as the stanza
// alone, unless Lua has said more of it than an entry can have. Then it is a
// table with these keys.
const (
	fieldKey   = "key"
	fieldValue = "value"
	fieldWith  = "with"
	fieldXML   = "xml"
)

// body returns what is to be stored of an item.
func (i *item) body() ([]byte, error) {
	if i.value == nil && i.key == "" && i.with == jidOf(i.with).String() {
		return i.xml, nil
	}
	b := make([]byte, headSize, headSize+len(i.xml)+len(i.value)+64)
	for _, f := range [...]struct { // in the order of the names
		name string
		text []byte
	}{{fieldKey, []byte(i.key)}, {fieldValue, i.value}, {fieldWith, []byte(i.with)}, {fieldXML, i.xml}} {
		if len(f.text) == 0 {
			continue
		}
		b = appendString(b, f.name)
		if f.name == fieldValue {
			b = append(b, f.text...)
		} else {
			b = appendString(b, f.text)
		}
	}
	return seal(b)
}

// jidOf returns the address that s is; the zero one if it is none, or another
// way to write one.
func jidOf(s string) jid.JID {
	j, err := jid.Parse(s)
	if err != nil || j.String() != s {
		return jid.JID{}
	}
	return j
}

// read fills the item from what is stored.
func (i *item) read(e storage.Entry) error {
	i.id, i.key, i.when, i.with = e.ID, e.ID, e.When, e.With.String()
	return i.readBody(e.Body)
}

func (i *item) readBody(body []byte) error {
	i.xml, i.value = nil, nil
	if len(body) > 0 && body[0] != version {
		i.xml = body
		return nil
	}
	rest, err := inside(body)
	var k, v token
	for err == nil && len(rest) > 0 {
		before := rest
		k, v, rest, err = nextPair(rest, k)
		if err != nil {
			break
		}
		switch string(k.text) {
		case fieldKey:
			i.key = string(v.text)
		case fieldWith:
			i.with = string(v.text)
		case fieldXML:
			i.xml = v.text
		case fieldValue:
			i.value = before[len(appendString(nil, fieldValue)) : len(before)-len(rest)]
		}
	}
	if err != nil {
		return fmt.Errorf("entry %s: %w", i.id, err)
	}
	return nil
}

// element returns the stanza.
func (i *item) element() (element.Element, error) {
	if i.xml == nil {
		t, _, err := next(i.value)
		if err != nil {
			return element.Element{}, err
		}
		return elementOf(t)
	}
	e, err := element.Parse(i.xml)
	if err != nil {
		return e, fmt.Errorf("entry %s: %w", i.id, err)
	}
	return e, nil
}

// timeOf returns a time that Lua gave in seconds since 1970.
func timeOf(seconds float64) time.Time {
	const most = 1 << 38 // more than the years that are kept
	if math.IsNaN(seconds) {
		seconds = 0
	}
	return time.UnixMicro(int64(math.Round(max(-most, min(most, seconds)) * 1e6))).UTC()
}

// secondsOf returns a time as Lua has it.
func secondsOf(t time.Time) float64 { return float64(storage.Micros(t)) / 1e6 }
