// SPDX-License-Identifier: Apache-2.0

package luacfg

import (
	"cmp"
	"math"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tercet/config"
	"tercet/config/lua51"
)

// maxTableDepth is how deep tables of an option may hold each other.
const maxTableDepth = 50

// convert makes config's values of Lua's, once the program has ended: until
// then it may change a table that it has assigned.
func (r *runner) convert() error {
	for _, s := range append([]*section{r.global}, r.hosts()...) {
		for _, name := range s.order {
			o := s.options[name]
			if o.value == lua.LNil {
				continue
			}
			c := converter{runner: r, name: name, top: o.pos}
			s.Options[name] = c.value(o.value, o.pos, 0)
			if c.failed != nil {
				return c.failed
			}
		}
	}
	return nil
}

func (r *runner) hosts() []*section {
	var sections []*section
	for _, h := range r.cfg.Hosts {
		sections = append(sections, r.sections[h.Name])
	}
	return sections
}

type converter struct {
	*runner
	name   string
	top    config.Pos
	failed error
}

func (c *converter) fail(text string) config.Value {
	if c.failed == nil {
		c.failed = &Error{c.top, c.name + ": " + text, c.cfg.Problems}
	}
	return config.Value{}
}

func (c *converter) value(v lua.LValue, pos config.Pos, depth int) config.Value {
	if c.charge(costValue); c.failed != nil {
		return config.Value{}
	}
	if c.ticks++; c.ticks&0xfff == 0 {
		c.clock()
	}
	if c.err != nil {
		return c.fail(c.err.Error())
	}
	switch v := v.(type) {
	case *lua.LNilType:
		return config.Value{Pos: pos}
	case lua.LBool:
		return config.Of(pos, bool(v))
	case lua.LNumber:
		return config.Of(pos, float64(v))
	case lua.LString:
		return config.Of(pos, string(v))
	case *lua.LTable:
		if depth >= maxTableDepth {
			return c.fail("the table holds itself, or others too deep")
		}
		return c.table(v, pos, depth)
	}
	return config.Of(pos, func() {})
}

type item struct {
	index int
	value lua.LValue
}

func (c *converter) table(t *lua.LTable, pos config.Pos, depth int) config.Value {
	var items []item
	var fields []config.Pair
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		if n, ok := k.(lua.LNumber); ok && float64(n) == math.Trunc(float64(n)) && n >= 1 && n < math.MaxInt32 {
			items = append(items, item{int(n), v})
			c.charge(costEntry)
			continue
		}
		key := strings.TrimSpace(lua51.ToText(k))
		if !lua51.IsText(k) {
			key = k.String()
		}
		fields = append(fields, config.Pair{Key: key, Value: c.value(v, c.keyPos(t, key, pos), depth+1)})
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.index, b.index) })
	n := listLength(items)
	list := make([]config.Value, 0, n)
	for i, it := range items {
		if i < n {
			list = append(list, c.value(it.value, c.itemPos(t, it.index, pos), depth+1))
			continue
		}
		key := lua51.FormatNumber(lua.LNumber(it.index))
		fields = append(fields, config.Pair{Key: key, Value: c.value(it.value, c.keyPos(t, key, pos), depth+1)})
	}
	return config.TableOf(pos, list, fields)
}

// listLength returns how many of the items, sorted by index, make up the list:
// as many as there are before less than half of the places are taken. What is
// behind, such as the ports in ssl = { [5223] = ... }, are keys.
func listLength(items []item) int {
	for n := len(items); n > 0; n-- {
		if items[n-1].index <= 2*n {
			return n
		}
	}
	return 0
}
