// SPDX-License-Identifier: Apache-2.0

package luacfg

import (
	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// literal is a field of a table that consists of constants: it is made by us,
// not by code, for the compiler needs quadratic time for constants and loses
// items of long lists.
type literal struct {
	key   lua.LValue // nil: the next item
	value lua.LValue // nil: a table
	table *site
}

func constantTable(e *ast.TableExpr) bool {
	for _, f := range e.Fields {
		if f.Key != nil {
			if _, ok := constantKey(f.Key); !ok {
				return false
			}
		}
		if !constantExpr(f.Value) {
			return false
		}
	}
	return true
}

func constantExpr(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.StringExpr, *ast.NumberExpr, *ast.TrueExpr, *ast.FalseExpr, *ast.NilExpr:
		return true
	case *ast.UnaryMinusOpExpr:
		_, ok := e.Expr.(*ast.NumberExpr)
		return ok
	case *ast.TableExpr:
		return constantTable(e)
	}
	return false
}

// literal notes the content of a constant table, and of those in it.
func (s *site) literal(w *rewriter, e *ast.TableExpr) {
	s.data = make([]literal, 0, len(e.Fields))
	for _, f := range e.Fields {
		var d literal
		if f.Key != nil {
			d.key = w.value(f.Key)
		}
		if t, ok := f.Value.(*ast.TableExpr); ok {
			d.table = &site{pos: s.pos}
			d.table.pos.Line = t.Line()
			*w.sites = append(*w.sites, d.table)
			d.table.id = len(*w.sites)
			w.survey(d.table, t)
			d.table.literal(w, t)
		} else {
			d.value = w.value(f.Value)
		}
		s.data = append(s.data, d)
	}
}

func (w *rewriter) value(e ast.Expr) lua.LValue {
	switch e := e.(type) {
	case *ast.StringExpr:
		return lua.LString(e.Value)
	case *ast.NumberExpr:
		f, ok := parseNumber(e.Value)
		if !ok {
			w.fail(e.Line(), "malformed number %s", e.Value)
		}
		return lua.LNumber(f)
	case *ast.UnaryMinusOpExpr:
		n, _ := w.value(e.Expr).(lua.LNumber)
		return -n
	case *ast.TrueExpr:
		return lua.LTrue
	case *ast.FalseExpr:
		return lua.LFalse
	}
	return lua.LNil
}

// build makes the table of a site of constants.
func (r *runner) build(l *lua.LState, s *site) *lua.LTable {
	r.alloc(l, costTable+costEntry*len(s.data))
	t := l.CreateTable(len(s.items), len(s.data)-len(s.items))
	if at := r.note(t); at != nil {
		at.site = s.id
	}
	item := 0
	for _, d := range s.data {
		v := d.value
		if v == nil {
			v = r.build(l, d.table)
		}
		if d.key == nil {
			item++
			t.RawSetInt(item, v)
			continue
		}
		r.grow(l, t, d.key)
		t.RawSet(d.key, v)
	}
	return t
}
