// SPDX-License-Identifier: Apache-2.0

package universe

import (
	"cmp"
	"math"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
)

// Events is an object of util.events: handlers of events by name, in the order
// of their priorities. It belongs to the universe and its lock.
type Events struct {
	// Changed, if any, is called after the handlers or wrappers of an event have
	// changed; "" stands for the wrappers of all events.
	Changed func(event string)

	table    *lua.LTable
	slots    map[lua.LValue]*slot
	wrappers map[lua.LValue][]lua.LValue // by event; LFalse stands for all
	hook     *lua.LFunction              // set_debug_hook
	added    uint64
}

// slot is the handlers of one event.
type slot struct {
	handlers []handler
	sorted   []handler // nil: to be made anew; never changed, for a fire may be at it
}

type handler struct {
	fn       lua.LValue
	priority float64
	order    uint64
}

func (s *slot) index() []handler {
	if s == nil {
		return nil
	}
	if s.sorted == nil {
		s.sorted = slices.Clone(s.handlers)
		slices.SortFunc(s.sorted, func(a, b handler) int {
			return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(a.order, b.order))
		})
	}
	return s.sorted
}

// NewEvents makes an object of util.events.
func NewEvents(l *lua.LState) *Events {
	e := &Events{slots: map[lua.LValue]*slot{}, wrappers: map[lua.LValue][]lua.LValue{}, table: l.CreateTable(0, 13)}
	lua51.Set(l, e.table, map[string]lua.LGFunction{
		"add_handler":     e.luaAddHandler,
		"add_handlers":    func(l *lua.LState) int { return e.each(l, func(k, v lua.LValue) { e.Add(k, v, 0) }) },
		"add_wrapper":     e.luaAddWrapper,
		"fire_event":      e.luaFire,
		"get_handlers":    func(l *lua.LState) int { return e.luaHandlers(l, l.Get(1)) },
		"remove_handler":  func(l *lua.LState) int { e.Remove(l.Get(1), l.Get(2)); return 0 },
		"remove_handlers": func(l *lua.LState) int { return e.each(l, e.Remove) },
		"remove_wrapper":  e.luaRemoveWrapper,
		"set_debug_hook":  e.luaSetHook,
	})
	wrappers := l.CreateTable(0, 2)
	lua51.Set(l, wrappers, map[string]lua.LGFunction{"add_handler": e.luaAddWrapper, "remove_handler": e.luaRemoveWrapper})
	e.table.RawSetString("wrappers", wrappers)
	e.table.RawSetString("_handlers", view(l, func(l *lua.LState) int { return e.luaHandlers(l, l.Get(2)) }))
	e.table.RawSetString("_event_map", view(l, e.luaMap))
	return e
}

// view is a table whose fields are what index returns.
func view(l *lua.LState, index lua.LGFunction) *lua.LTable {
	t, mt := l.CreateTable(0, 0), l.CreateTable(0, 1)
	mt.RawSetString("__index", l.NewFunction(index))
	t.Metatable = mt
	return t
}

// Table is the object as Lua sees it.
func (e *Events) Table() *lua.LTable { return e.table }

// Add adds a handler, or gives it another priority.
func (e *Events) Add(event, fn lua.LValue, priority float64) {
	s := e.slots[event]
	if s == nil {
		s = &slot{}
		e.slots[event] = s
	}
	s.sorted = nil
	if i := slices.IndexFunc(s.handlers, func(h handler) bool { return h.fn == fn }); i >= 0 {
		s.handlers[i].priority = priority
	} else {
		e.added++
		s.handlers = append(s.handlers, handler{fn, priority, e.added})
	}
	e.changed(event)
}

// Remove removes a handler, if it is there.
func (e *Events) Remove(event, fn lua.LValue) {
	s := e.slots[event]
	if s == nil {
		return
	}
	s.sorted = nil
	s.handlers = slices.DeleteFunc(s.handlers, func(h handler) bool { return h.fn == fn })
	if len(s.handlers) == 0 {
		delete(e.slots, event)
	}
	e.changed(event)
}

func (e *Events) changed(event lua.LValue) {
	name, ok := event.(lua.LString)
	if (ok || event == lua.LFalse) && e.Changed != nil {
		e.Changed(string(name))
	}
}

// Listens reports whether an event has handlers, or wrappers of its own; ""
// stands for the wrappers of all events.
func (e *Events) Listens(event string) bool {
	if event == "" {
		return len(e.wrappers[lua.LFalse]) > 0
	}
	return e.slots[lua.LString(event)] != nil || len(e.wrappers[lua.LString(event)]) > 0
}

// Priorities returns those of the handlers of an event, in the order in which
// these are called.
func (e *Events) Priorities(event string) []float64 {
	var list []float64
	for _, h := range e.slots[lua.LString(event)].index() {
		list = append(list, h.priority)
	}
	return list
}

// Fire calls the wrappers and handlers of an event, and returns the first
// result that is not nil, or nil.
func (e *Events) Fire(l *lua.LState, event, data lua.LValue) lua.LValue {
	if len(e.wrappers) > 0 {
		if w := slices.Concat(e.wrappers[lua.LFalse], e.wrappers[event]); len(w) > 0 {
			return e.wrapped(l, w, event, data)
		}
	}
	return e.FireBetween(l, event, data, math.Inf(-1), math.Inf(1))
}

// FireBetween is Fire without the wrappers, for the handlers whose priority is
// at least low and less than high, or as high as infinity.
func (e *Events) FireBetween(l *lua.LState, event, data lua.LValue, low, high float64) lua.LValue {
	for _, h := range e.slots[event].index() {
		if h.priority < low || h.priority >= high && !math.IsInf(high, 1) {
			continue
		}
		n := 1
		if e.hook != nil {
			l.Push(e.hook)
			l.Push(h.fn)
			l.Push(event)
			n = 3
		} else {
			l.Push(h.fn)
		}
		l.Push(data)
		l.Call(n, 1)
		result := l.Get(-1)
		l.Pop(1)
		if result != lua.LNil {
			return result
		}
	}
	return lua.LNil
}

// wrapped calls the last of the wrappers with a function that calls the rest.
func (e *Events) wrapped(l *lua.LState, w []lua.LValue, event, data lua.LValue) lua.LValue {
	if len(w) == 0 {
		return e.FireBetween(l, event, data, math.Inf(-1), math.Inf(1))
	}
	last := len(w) - 1
	l.Push(w[last])
	l.Push(l.NewFunction(func(l *lua.LState) int {
		l.Push(e.wrapped(l, w[:last], l.Get(1), l.Get(2)))
		return 1
	}))
	l.Push(event)
	l.Push(data)
	l.Call(3, 1)
	result := l.Get(-1)
	l.Pop(1)
	return result
}

func (e *Events) luaFire(l *lua.LState) int {
	event := l.Get(1)
	result := e.Fire(l, event, l.Get(2))
	if result == lua.LNil && len(e.wrappers[event])+len(e.wrappers[lua.LFalse]) == 0 {
		return 0 // as Prosody's, which falls off its end
	}
	l.Push(result)
	return 1
}

func (e *Events) luaAddHandler(l *lua.LState) int {
	l.CheckAny(1)
	priority := 0.0
	if lua.LVAsBool(l.Get(3)) {
		priority = float64(l.CheckNumber(3))
	}
	e.Add(l.Get(1), l.CheckAny(2), priority)
	return 0
}

func (e *Events) each(l *lua.LState, fn func(k, v lua.LValue)) int {
	t := l.CheckTable(1)
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		fn(k, v)
	}
	return 0
}

func (e *Events) luaHandlers(l *lua.LState, event lua.LValue) int {
	index := e.slots[event].index()
	if index == nil {
		l.Push(lua.LNil)
		return 1
	}
	t := l.CreateTable(len(index), 0)
	for i, h := range index {
		t.RawSetInt(i+1, h.fn)
	}
	l.Push(t)
	return 1
}

func (e *Events) luaMap(l *lua.LState) int {
	s := e.slots[l.Get(2)]
	if s == nil {
		l.Push(lua.LNil)
		return 1
	}
	t := l.CreateTable(0, 0)
	for _, h := range s.handlers {
		t.RawSet(h.fn, lua.LNumber(h.priority))
	}
	l.Push(t)
	return 1
}

func (e *Events) luaAddWrapper(l *lua.LState) int {
	event := l.Get(1)
	e.wrappers[event] = append(slices.Clip(e.wrappers[event]), l.CheckAny(2))
	e.changed(event)
	return 0
}

func (e *Events) luaRemoveWrapper(l *lua.LState) int {
	event, fn := l.Get(1), l.Get(2)
	left := slices.DeleteFunc(slices.Clone(e.wrappers[event]), func(w lua.LValue) bool { return w == fn })
	if e.wrappers[event] = left; len(left) == 0 {
		delete(e.wrappers, event)
	}
	e.changed(event)
	return 0
}

func (e *Events) luaSetHook(l *lua.LState) int {
	old := e.hook
	e.hook, _ = l.Get(1).(*lua.LFunction)
	if old == nil {
		l.Push(lua.LNil)
	} else {
		l.Push(old)
	}
	return 1
}

func eventsLibrary(l *lua.LState) int {
	t := l.CreateTable(0, 1)
	t.RawSetString("new", l.NewFunction(func(l *lua.LState) int {
		l.Push(NewEvents(l).table)
		return 1
	}))
	l.Push(t)
	return 1
}
