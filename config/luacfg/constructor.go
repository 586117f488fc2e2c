// SPDX-License-Identifier: Apache-2.0

package luacfg

import (
	"fmt"
	"strconv"

	"github.com/yuin/gopher-lua/ast"

	"tercet/config"
	"tercet/config/lua51"
)

func (w *rewriter) table(e *ast.TableExpr) ast.Expr {
	if len(e.Fields) == 0 {
		return e
	}
	line := e.Line()
	if len(e.Fields) >= minLiteral && lua51.ConstantTable(e) {
		w.literals = append(w.literals, w.Literal(e, func(t *ast.TableExpr) any { return w.site(t) }))
		return lua51.Call(line, lua51.NameLiteral, w.number(line, len(w.literals)))
	}
	id := w.number(line, w.site(e).id)
	w.Fields(e, func(key ast.Expr) ast.Expr {
		if plainKey(key) {
			return key
		}
		lua51.One(key)
		return lua51.Call(key.Line(), nameKey, key)
	})
	return lua51.Call(line, nameTable, e, id)
}

// site notes the place of a table constructor, and those of its fields.
func (w *rewriter) site(e *ast.TableExpr) *site {
	s := &site{pos: config.Pos{File: w.file, Line: e.Line()}}
	w.sites = append(w.sites, s)
	s.id = len(w.sites)
	w.survey(s, e)
	return s
}

func (w *rewriter) number(line, n int) ast.Expr {
	w.Constant(line, strconv.Itoa(n))
	return lua51.Number(line, n)
}

// survey notes the lines of the items and keys of a table.
func (w *rewriter) survey(s *site, e *ast.TableExpr) {
	for _, f := range e.Fields {
		if f.Key == nil {
			s.items = append(s.items, lineOf(f.Value, e))
			continue
		}
		key, ok := constantKey(f.Key)
		if !ok {
			continue
		}
		line := lineOf(f.Key, e)
		if s.keys == nil {
			s.keys = map[string]int{}
		}
		if first, ok := s.keys[key]; ok {
			w.warn(line, fmt.Sprintf("%s is set twice in this table; the value here wins over line %d", key, first))
		}
		s.keys[key] = line
	}
}

// lineOf returns the line of e, or of the table around it.
func lineOf(e ast.Expr, around ast.Expr) int {
	if e.Line() > 0 {
		return e.Line()
	}
	return around.Line()
}

func constantKey(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.StringExpr:
		return e.Value, true
	case *ast.NumberExpr:
		f, ok := lua51.ParseNumber(e.Value)
		return strconv.FormatFloat(f, 'f', -1, 64), ok
	}
	return "", false
}

// plainKey reports whether a key can not open a gap worth charging for.
func plainKey(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.StringExpr, *ast.TrueExpr, *ast.FalseExpr:
		return true
	case *ast.NumberExpr:
		f, ok := lua51.ParseNumber(e.Value)
		return ok && f < 1<<16
	}
	return false
}
