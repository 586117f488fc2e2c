// SPDX-License-Identifier: Apache-2.0

package luacfg

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/yuin/gopher-lua/ast"
)

// Names that no program can write: what the source is rewritten to call. They
// are locals around the program, so no environment hides or changes them.
const (
	nameConcat  = "(concat)"  // a .. b
	nameSet     = "(set)"     // t[k] = v
	nameTable   = "(table)"   // { ... }: notes the site
	nameLiteral = "(literal)" // { ... } of constants: makes the table
	nameKey     = "(key)"     // { [k] = v }: charges for the key
	nameFalse   = "(false)"   // a constant condition
)

var hidden = []string{nameConcat, nameSet, nameTable, nameLiteral, nameKey, nameFalse}

// Limits of gopher-lua's compiler, which it does not check or reports without
// a line; the number of constants is ours, for it looks them up one by one.
const (
	maxLocals      = 180
	maxConstants   = 30_000
	maxItems       = 20_000
	minLiteral     = 50
	maxOperands    = 100
	maxSyntaxDepth = 500
)

// rewriter changes a syntax tree so that the program reports where its tables
// stand and what it allocates:
//
//	a .. b .. c          (concat)(a, b, c)
//	t[k] = v             (set)(t, k, v)
//	{ "a", x = 1 }       (table)({ "a", x = 1 }, site)
//	{ 50 or more constants }   (literal)(site)
//
// and around faults of gopher-lua 1.1.2: a jump to a jump at the start of a loop
// goes astray (its issue 540), a table constructor of more than 25,550 items
// loses some, { 1, k = f() } makes the results of f items too, and an assignment
// of several values may overwrite a parameter too early.
type rewriter struct {
	file  string
	sites *[]*site
	fn    *function
	warn  func(line int, text string)
}

// function is what is counted per function.
type function struct {
	parent    *function
	locals    int
	constants map[string]struct{}
	varargs   bool
}

// sourceError is a fault found in the syntax tree, on its way out of it.
type sourceError struct {
	line int
	text string
}

func (e *sourceError) Error() string { return e.text }

func (w *rewriter) fail(line int, format string, args ...any) {
	panic(&sourceError{line, fmt.Sprintf(format, args...)}) //nolint:forbidigo // caught in rewrite
}

// rewrite returns the program as the body of a function within one that takes
// the hidden functions as its arguments.
func rewrite(file string, stmts []ast.Stmt, sites *[]*site, warn func(line int, text string)) (out []ast.Stmt, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *sourceError:
			err = r
		default:
			panic(r) //nolint:forbidigo // not ours
		}
	}()
	w := &rewriter{file: file, sites: sites, warn: warn}
	w.fn = &function{constants: map[string]struct{}{}}
	body := w.block(stmts)
	program := &ast.FunctionExpr{ParList: &ast.ParList{HasVargs: w.fn.varargs}, Stmts: body}
	program.SetLine(1)
	if n := len(stmts); n > 0 {
		program.SetLastLine(max(stmts[n-1].Line(), stmts[n-1].LastLine()))
	}
	return []ast.Stmt{
		at(&ast.LocalAssignStmt{Names: hidden, Exprs: []ast.Expr{at(&ast.Comma3Expr{}, 1)}}, 1),
		at(&ast.ReturnStmt{Exprs: []ast.Expr{program}}, 1),
	}, nil
}

func at[N ast.PositionHolder](n N, line int) N {
	n.SetLine(line)
	n.SetLastLine(line)
	return n
}

func call(line int, name string, args ...ast.Expr) *ast.FuncCallExpr {
	return at(&ast.FuncCallExpr{Func: at(&ast.IdentExpr{Value: name}, line), Args: args}, line)
}

func number(line, n int) ast.Expr { return at(&ast.NumberExpr{Value: strconv.Itoa(n)}, line) }

func (w *rewriter) constant(line int, s string) {
	if w.fn.constants[s] = struct{}{}; len(w.fn.constants) > maxConstants {
		w.fail(line, "more than %d different names and values in one function or file; use Include, or FileLines for data", maxConstants)
	}
}

func (w *rewriter) block(stmts []ast.Stmt) []ast.Stmt {
	before := w.fn.locals
	out := make([]ast.Stmt, 0, len(stmts))
	for _, s := range stmts {
		out = append(out, w.stmt(s))
	}
	w.fn.locals = before
	return out
}

// loop is a block that is jumped back to: its first instruction must be no jump.
func (w *rewriter) loop(line int, stmts []ast.Stmt) []ast.Stmt {
	nop := at(&ast.LocalAssignStmt{Names: []string{"(nop)"}, Exprs: []ast.Expr{at(&ast.IdentExpr{Value: nameFalse}, line)}}, line)
	return append([]ast.Stmt{at(&ast.DoBlockStmt{Stmts: []ast.Stmt{nop}}, line)}, w.block(stmts)...)
}

func (w *rewriter) local(line, n int) {
	if w.fn.locals += n; w.fn.locals > maxLocals {
		w.fail(line, "more than %d local variables in one function or file", maxLocals)
	}
}

func (w *rewriter) stmt(s ast.Stmt) ast.Stmt {
	switch s := s.(type) {
	case *ast.AssignStmt:
		return w.assign(s)
	case *ast.LocalAssignStmt:
		if len(s.Exprs) == 1 && len(s.Names) == 1 { // local function f is in its own scope
			w.local(s.Line(), 1)
			s.Exprs[0] = w.expr(s.Exprs[0])
			return s
		}
		w.exprs(s.Exprs)
		w.local(s.Line(), len(s.Names))
	case *ast.FuncCallStmt:
		s.Expr = w.expr(s.Expr)
	case *ast.DoBlockStmt:
		s.Stmts = w.block(s.Stmts)
	case *ast.WhileStmt:
		s.Condition = w.condition(s.Condition)
		s.Stmts = w.loop(s.Line(), s.Stmts)
	case *ast.RepeatStmt:
		s.Stmts = w.loop(s.Line(), s.Stmts)
		s.Condition = w.condition(s.Condition)
	case *ast.IfStmt:
		for {
			s.Condition = w.condition(s.Condition)
			s.Then = w.block(s.Then)
			next, ok := elseif(s)
			if !ok {
				s.Else = w.block(s.Else)
				break
			}
			s = next
		}
	case *ast.NumberForStmt:
		s.Init, s.Limit = w.expr(s.Init), w.expr(s.Limit)
		if s.Step != nil {
			s.Step = w.expr(s.Step)
		}
		w.local(s.Line(), 4)
		s.Stmts = w.block(s.Stmts)
		w.fn.locals -= 4
	case *ast.GenericForStmt:
		w.exprs(s.Exprs)
		w.local(s.Line(), 3+len(s.Names))
		s.Stmts = w.loop(s.Line(), s.Stmts)
		w.fn.locals -= 3 + len(s.Names)
	case *ast.FuncDefStmt:
		if s.Name.Func != nil {
			w.expr(s.Name.Func)
		} else {
			s.Name.Receiver = w.expr(s.Name.Receiver)
			w.constant(s.Line(), s.Name.Method)
		}
		w.function(s.Func)
	case *ast.ReturnStmt:
		w.exprs(s.Exprs)
	}
	return s
}

// elseif returns the if that alone makes up the else branch of s.
func elseif(s *ast.IfStmt) (*ast.IfStmt, bool) {
	if len(s.Else) != 1 {
		return nil, false
	}
	next, ok := s.Else[0].(*ast.IfStmt)
	return next, ok
}

// assign rewrites assignments to keys of tables, and takes assignments of
// several values apart.
func (w *rewriter) assign(s *ast.AssignStmt) ast.Stmt {
	w.exprs(s.Rhs)
	line := s.Line()
	if len(s.Lhs) == 1 && len(s.Rhs) == 1 {
		if c, ok := s.Rhs[0].(*ast.FuncCallExpr); ok {
			c.AdjustRet = false // there is one target, so only one value is taken
		}
		key, ok := s.Lhs[0].(*ast.AttrGetExpr)
		if !ok {
			w.expr(s.Lhs[0])
			return s
		}
		w.noTail(s.Rhs[0])
		return at(&ast.FuncCallStmt{Expr: call(line, nameSet, w.expr(key.Object), w.single(key.Key), s.Rhs[0])}, line)
	}
	temp := &ast.LocalAssignStmt{}
	add := func(name string, e ast.Expr) ast.Expr {
		temp.Names = append(temp.Names, name)
		if e != nil {
			temp.Exprs = append(temp.Exprs, e)
		}
		return at(&ast.IdentExpr{Value: name}, line)
	}
	var targets [][2]ast.Expr
	for i, lhs := range s.Lhs {
		var target [2]ast.Expr
		if key, ok := lhs.(*ast.AttrGetExpr); ok {
			target[0] = add("(table "+strconv.Itoa(i)+")", w.single(key.Object))
			target[1] = add("(key "+strconv.Itoa(i)+")", w.single(key.Key))
		} else {
			w.expr(lhs)
		}
		targets = append(targets, target)
	}
	out := []ast.Stmt{at(temp, line)}
	for i := range s.Lhs {
		add("(value "+strconv.Itoa(i)+")", nil)
	}
	w.local(line, len(temp.Names))
	w.fn.locals -= len(temp.Names)
	temp.Exprs = append(temp.Exprs, s.Rhs...)
	for i, lhs := range slices.Backward(s.Lhs) {
		value := at(&ast.IdentExpr{Value: "(value " + strconv.Itoa(i) + ")"}, line)
		if targets[i][0] != nil {
			out = append(out, at(&ast.FuncCallStmt{Expr: call(line, nameSet, targets[i][0], targets[i][1], value)}, line))
		} else {
			out = append(out, at(&ast.AssignStmt{Lhs: []ast.Expr{lhs}, Rhs: []ast.Expr{value}}, line))
		}
	}
	return at(&ast.DoBlockStmt{Stmts: out}, line)
}

// noTail makes e one value where several could be taken.
func (w *rewriter) noTail(e ast.Expr) {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		e.AdjustRet = true
	case *ast.Comma3Expr:
		e.AdjustRet = true
	}
}

func (w *rewriter) single(e ast.Expr) ast.Expr {
	e = w.expr(e)
	w.noTail(e)
	return e
}

func (w *rewriter) exprs(list []ast.Expr) {
	for i := range list {
		list[i] = w.expr(list[i])
	}
}

// condition rewrites the condition of a branch. A constant there would become
// an unconditional jump; see rewriter.
func (w *rewriter) condition(e ast.Expr) ast.Expr {
	return w.unfold(w.expr(e))
}

func (w *rewriter) unfold(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.FalseExpr, *ast.NilExpr:
		return at(&ast.IdentExpr{Value: nameFalse}, e.Line())
	case *ast.LogicalOpExpr:
		e.Lhs, e.Rhs = w.unfold(e.Lhs), w.unfold(e.Rhs)
	case *ast.UnaryNotOpExpr:
		e.Expr = w.unfold(e.Expr)
	}
	return e
}

func (w *rewriter) function(f *ast.FunctionExpr) {
	w.fn = &function{parent: w.fn, constants: map[string]struct{}{}}
	w.local(f.Line(), len(f.ParList.Names)+2)
	f.Stmts = w.block(f.Stmts)
	w.fn = w.fn.parent
}

func (w *rewriter) expr(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.NumberExpr:
		e.Value = w.numeral(e)
		w.constant(e.Line(), e.Value)
	case *ast.StringExpr:
		w.constant(e.Line(), e.Value)
	case *ast.IdentExpr:
		w.constant(e.Line(), e.Value)
	case *ast.Comma3Expr:
		w.fn.varargs = true
	case *ast.AttrGetExpr:
		e.Object, e.Key = w.expr(e.Object), w.expr(e.Key)
	case *ast.TableExpr:
		return w.table(e)
	case *ast.FuncCallExpr:
		if e.Func != nil {
			e.Func = w.expr(e.Func)
		} else {
			e.Receiver = w.expr(e.Receiver)
			w.constant(e.Line(), e.Method)
		}
		w.exprs(e.Args)
	case *ast.LogicalOpExpr:
		e.Lhs, e.Rhs = w.expr(e.Lhs), w.expr(e.Rhs)
	case *ast.RelationalOpExpr:
		e.Lhs, e.Rhs = w.expr(e.Lhs), w.expr(e.Rhs)
	case *ast.StringConcatOpExpr:
		return w.concat(e)
	case *ast.ArithmeticOpExpr:
		e.Lhs, e.Rhs = w.expr(e.Lhs), w.expr(e.Rhs)
	case *ast.UnaryMinusOpExpr:
		e.Expr = w.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		e.Expr = w.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		e.Expr = w.expr(e.Expr)
	case *ast.FunctionExpr:
		w.function(e)
	}
	return e
}

// numeral checks a number: gopher-lua reads 0010 as octal and makes nan of what
// it can not read.
func (w *rewriter) numeral(e *ast.NumberExpr) string {
	f, ok := parseNumber(e.Value)
	if !ok {
		w.fail(e.Line(), "malformed number %s", e.Value)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

func (w *rewriter) concat(e *ast.StringConcatOpExpr) ast.Expr {
	var operands []ast.Expr
	for {
		operands = append(operands, w.single(e.Lhs))
		next, ok := e.Rhs.(*ast.StringConcatOpExpr)
		if !ok {
			break
		}
		e = next
	}
	operands = append(operands, w.single(e.Rhs))
	for len(operands) > maxOperands {
		first := call(operands[0].Line(), nameConcat, operands[:maxOperands:maxOperands]...)
		first.AdjustRet = true
		operands = append([]ast.Expr{first}, operands[maxOperands:]...)
	}
	return call(operands[0].Line(), nameConcat, operands...)
}
