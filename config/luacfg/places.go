// SPDX-License-Identifier: Apache-2.0

package luacfg

import (
	"strconv"
	"weak"

	lua "github.com/yuin/gopher-lua"

	"tercet/config"
)

// site is a table constructor in the source: where its items and keys stand.
type site struct {
	id    int // index in runner.sites + 1
	pos   config.Pos
	items []int          // lines of the items without key
	keys  map[string]int // lines of the keys that are constants
}

// place is what is known about one table: the site that made it, and what was
// set in it since.
type place struct {
	site    int // index + 1
	moved   bool
	derived bool // made by + from an option's value
	items   map[int]config.Pos
	keys    map[string]config.Pos
}

// places remembers tables without keeping them alive.
type places struct {
	tables map[weak.Pointer[lua.LTable]]*place
	sweep  int // number of tables at which to drop the dead
}

// maxPlaced bounds the tables, and the keys of one table, whose places are kept.
const maxPlaced = 100_000

func (p *places) of(t *lua.LTable) *place {
	return p.tables[weak.Make(t)]
}

// note returns the place of t to write to; nil if there are too many.
func (p *places) note(t *lua.LTable) *place {
	key := weak.Make(t)
	if at := p.tables[key]; at != nil {
		return at
	}
	if len(p.tables) >= p.sweep {
		for key := range p.tables {
			if key.Value() == nil {
				delete(p.tables, key)
			}
		}
		p.sweep = 2*len(p.tables) + 4096
	}
	if len(p.tables) >= maxPlaced {
		return nil
	}
	at := &place{}
	p.tables[key] = at
	return at
}

// placeItem notes where item i of t was set.
func (r *runner) placeItem(t *lua.LTable, i int, pos config.Pos) {
	if at := r.note(t); at != nil && len(at.items) < maxPlaced {
		if at.items == nil {
			at.items = map[int]config.Pos{}
		}
		at.items[i] = pos
		r.charge(costEntry)
	}
}

// placeKey notes where a key of t was set.
func (r *runner) placeKey(t *lua.LTable, key string, pos config.Pos) {
	if at := r.note(t); at != nil && len(at.keys) < maxPlaced {
		if at.keys == nil {
			at.keys = map[string]config.Pos{}
		}
		at.keys[key] = pos
		r.charge(costEntry)
	}
}

// forgetList is called when the items of t have been moved.
func (r *runner) forgetList(t *lua.LTable) {
	if at := r.of(t); at != nil {
		at.moved, at.items = true, nil
	}
}

// itemPos returns where item i of t stands, or otherwise.
func (r *runner) itemPos(t *lua.LTable, i int, otherwise config.Pos) config.Pos {
	at := r.of(t)
	if at == nil {
		return otherwise
	}
	if pos, ok := at.items[i]; ok {
		return pos
	}
	if s := r.siteOf(at); s != nil {
		if at.moved {
			return s.pos
		}
		if line, ok := s.keys[strconv.Itoa(i)]; ok {
			return config.Pos{File: s.pos.File, Line: line}
		}
		if i <= len(s.items) {
			return config.Pos{File: s.pos.File, Line: s.items[i-1]}
		}
		return s.pos
	}
	return otherwise
}

// keyPos returns where a key of t stands, or otherwise.
func (r *runner) keyPos(t *lua.LTable, key string, otherwise config.Pos) config.Pos {
	at := r.of(t)
	if at == nil {
		return otherwise
	}
	if pos, ok := at.keys[key]; ok {
		return pos
	}
	if s := r.siteOf(at); s != nil {
		if line, ok := s.keys[key]; ok {
			return config.Pos{File: s.pos.File, Line: line}
		}
		return s.pos
	}
	return otherwise
}

func (r *runner) siteOf(at *place) *site {
	if at.site == 0 {
		return nil
	}
	return r.sites[at.site-1]
}

// caller returns where the Lua function stands that called the present one.
func (r *runner) caller(l *lua.LState) config.Pos {
	for level := 1; ; level++ {
		at, ok := l.GetStack(level)
		if !ok {
			return config.Pos{File: r.cfg.File}
		}
		if _, err := l.GetInfo("Sl", at, lua.LNil); err == nil && at.Source != "" {
			return config.Pos{File: at.Source, Line: at.CurrentLine}
		}
	}
}
