// SPDX-License-Identifier: Apache-2.0

package lua51

import (
	"strconv"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// minLiteral is from how many constants on a table is made by us.
const minLiteral = 200

// Literal is a table that consists of constants: it is made by us, not by code,
// for the compiler needs quadratic time for constants and loses items of long
// lists.
type Literal struct {
	// Tag is what the rewriter was given for this table.
	Tag    any
	items  int
	fields []literalField
}

type literalField struct {
	key   lua.LValue // nil: the next item
	value lua.LValue // nil: a table
	table *Literal
}

// Repair rewrites a table constructor; see [Rewriter].
func (w *Rewriter) Repair(e *ast.TableExpr) ast.Expr {
	if len(e.Fields) >= minLiteral && ConstantTable(e) {
		w.literals = append(w.literals, w.Literal(e, func(*ast.TableExpr) any { return nil }))
		n := Number(e.Line(), len(w.literals))
		w.Constant(e.Line(), strconv.Itoa(len(w.literals)))
		return Call(e.Line(), NameLiteral, n)
	}
	w.Fields(e, func(key ast.Expr) ast.Expr { return key })
	return e
}

// Fields rewrites the fields of a table constructor, and its keys by key too.
func (w *Rewriter) Fields(e *ast.TableExpr, key func(ast.Expr) ast.Expr) {
	items := 0
	for _, f := range e.Fields {
		if f.Key == nil {
			items++
		} else {
			f.Key = key(w.Expr(f.Key))
		}
		if f.Value = w.Expr(f.Value); f.Key != nil {
			One(f.Value)
		}
	}
	if items > maxItems {
		w.Fail(e.Line(), "more than %d items in one table, not all of them constants%s", maxItems, w.Advice)
	}
}

// ConstantTable reports whether a table consists of constants alone.
func ConstantTable(e *ast.TableExpr) bool {
	for _, f := range e.Fields {
		if f.Key != nil {
			switch k := f.Key.(type) {
			case *ast.StringExpr:
			case *ast.NumberExpr:
				if _, ok := ParseNumber(k.Value); !ok {
					return false
				}
			default:
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
		return ConstantTable(e)
	}
	return false
}

// Literal notes the content of a constant table, and of those in it; tag is
// asked for each.
func (w *Rewriter) Literal(e *ast.TableExpr, tag func(*ast.TableExpr) any) *Literal {
	d := &Literal{Tag: tag(e), fields: make([]literalField, 0, len(e.Fields))}
	for _, f := range e.Fields {
		var field literalField
		if f.Key != nil {
			field.key = w.value(f.Key)
		} else {
			d.items++
		}
		if t, ok := f.Value.(*ast.TableExpr); ok {
			field.table = w.Literal(t, tag)
		} else {
			field.value = w.value(f.Value)
		}
		d.fields = append(d.fields, field)
	}
	return d
}

func (w *Rewriter) value(e ast.Expr) lua.LValue {
	switch e := e.(type) {
	case *ast.StringExpr:
		return lua.LString(e.Value)
	case *ast.NumberExpr:
		f, ok := ParseNumber(e.Value)
		if !ok {
			w.Fail(e.Line(), "malformed number %s", e.Value)
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

// Build makes the table. It calls made with each that it has made, still empty,
// and grow before it puts something below a key.
func (d *Literal) Build(l *lua.LState, made func(t *lua.LTable, d *Literal), grow func(t *lua.LTable, key lua.LValue)) *lua.LTable {
	t := l.CreateTable(d.items, len(d.fields)-d.items)
	made(t, d)
	item := 0
	for _, f := range d.fields {
		v := f.value
		if v == nil {
			v = f.table.Build(l, made, grow)
		}
		if f.key == nil {
			item++
			t.RawSetInt(item, v)
			continue
		}
		grow(t, f.key)
		t.RawSet(f.key, v)
	}
	return t
}

// Len returns how many fields the table has.
func (d *Literal) Len() int { return len(d.fields) }
