// SPDX-License-Identifier: Apache-2.0

package luacfg

import (
	"fmt"
	"strconv"

	"github.com/yuin/gopher-lua/ast"

	"tercet/config"
)

func (w *rewriter) table(e *ast.TableExpr) ast.Expr {
	if len(e.Fields) == 0 {
		return e
	}
	line := e.Line()
	s := &site{pos: config.Pos{File: w.file, Line: line}}
	*w.sites = append(*w.sites, s)
	s.id = len(*w.sites)
	id := number(line, s.id)
	w.constant(line, id.(*ast.NumberExpr).Value)
	w.survey(s, e)
	if len(e.Fields) >= minLiteral && constantTable(e) {
		s.literal(w, e)
		return call(line, nameLiteral, id)
	}
	if len(s.items) > maxItems {
		w.fail(line, "more than %d items in one table, not all of them constants; use FileLines for data", maxItems)
	}
	for _, f := range e.Fields {
		if f.Key != nil {
			if f.Key = w.expr(f.Key); !plainKey(f.Key) {
				w.noTail(f.Key)
				f.Key = call(f.Key.Line(), nameKey, f.Key)
			}
		}
		if f.Value = w.expr(f.Value); f.Key != nil {
			w.noTail(f.Value)
		}
	}
	return call(line, nameTable, e, id)
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
		f, ok := parseNumber(e.Value)
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
		f, ok := parseNumber(e.Value)
		return ok && f < 1<<16
	}
	return false
}
