// SPDX-License-Identifier: Apache-2.0

package lua51

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/yuin/gopher-lua/ast"
)

// Names that no program can write: what the source is rewritten to call. They
// are locals around the program, so no environment hides or changes them.
const (
	NameConcat  = "(concat)"  // a .. b
	NameLiteral = "(literal)" // { ... } of constants: makes the table
	NameFalse   = "(false)"   // a constant condition
)

// Limits of gopher-lua's compiler, which it does not check or reports without
// a line; the number of constants is ours, for it looks them up one by one.
const (
	maxLocals    = 200
	maxConstants = 30_000
	maxItems     = 20_000
	maxOperands  = 100
	maxDepth     = 500
)

// Rewriter changes a syntax tree around faults of gopher-lua 1.1.2: a jump to a
// jump at the start of a loop goes astray (its issue 540), a table constructor
// of more than 25,550 items loses some, { 1, k = f() } makes the results of f
// items too, and an assignment of several values may overwrite a parameter too
// early. What is concatenated goes through a function, which writes numbers as
// Lua does and can be bounded:
//
//	a .. b .. c                  (concat)(a, b, c)
//	{ many constants }           (literal)(number)
//
// The fields make it change more; they are for the config.
type Rewriter struct {
	// Set, if any, is the function that t[k] = v becomes a call of.
	Set string
	// Table, if any, rewrites table constructors in place of [Rewriter.Repair].
	Table func(e *ast.TableExpr) ast.Expr
	// MaxLocals bounds the locals of a function; 0 stands for what gopher-lua takes.
	MaxLocals int
	// Advice is what messages about limits end with.
	Advice string

	literals []*Literal
	fn       *function
}

// function is what is counted per function.
type function struct {
	parent    *function
	locals    int
	constants map[string]struct{}
	varargs   bool
}

// SourceError is a fault in a source.
type SourceError struct {
	Line int
	Text string
}

// Error returns the text alone.
func (e *SourceError) Error() string { return e.Text }

// Fail gives up the tree; it does not return.
func (w *Rewriter) Fail(line int, format string, args ...any) {
	panic(&SourceError{line, fmt.Sprintf(format, args...)}) //nolint:forbidigo // caught in Program
}

// Program returns a rewritten program as the body of a function within one that
// takes the hidden functions, by these names, as its arguments.
func (w *Rewriter) Program(stmts []ast.Stmt, hidden []string) (out []ast.Stmt, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *SourceError:
			err = r
		default:
			panic(r) //nolint:forbidigo // not ours
		}
	}()
	if w.MaxLocals == 0 {
		w.MaxLocals = maxLocals
	}
	w.fn = &function{constants: map[string]struct{}{}}
	body := w.block(stmts)
	program := &ast.FunctionExpr{ParList: &ast.ParList{HasVargs: w.fn.varargs}, Stmts: body}
	program.SetLine(1)
	if n := len(stmts); n > 0 {
		program.SetLastLine(max(stmts[n-1].Line(), stmts[n-1].LastLine()))
	}
	return []ast.Stmt{
		At(&ast.LocalAssignStmt{Names: hidden, Exprs: []ast.Expr{At(&ast.Comma3Expr{}, 1)}}, 1),
		At(&ast.ReturnStmt{Exprs: []ast.Expr{program}}, 1),
	}, nil
}

// At gives a node its line.
func At[N ast.PositionHolder](n N, line int) N {
	n.SetLine(line)
	n.SetLastLine(line)
	return n
}

// Call is a call of a hidden function.
func Call(line int, name string, args ...ast.Expr) *ast.FuncCallExpr {
	return At(&ast.FuncCallExpr{Func: At(&ast.IdentExpr{Value: name}, line), Args: args}, line)
}

// Number is a number in the source.
func Number(line, n int) ast.Expr { return At(&ast.NumberExpr{Value: strconv.Itoa(n)}, line) }

// Constant counts a constant of the function.
func (w *Rewriter) Constant(line int, s string) {
	if w.fn.constants[s] = struct{}{}; len(w.fn.constants) > maxConstants {
		w.Fail(line, "more than %d different names and values in one function or file%s", maxConstants, w.Advice)
	}
}

func (w *Rewriter) block(stmts []ast.Stmt) []ast.Stmt {
	before := w.fn.locals
	out := make([]ast.Stmt, 0, len(stmts))
	for _, s := range stmts {
		out = append(out, w.stmt(s))
	}
	w.fn.locals = before
	return out
}

// loop is a block that is jumped back to: its first instruction must be no jump.
func (w *Rewriter) loop(line int, stmts []ast.Stmt) []ast.Stmt {
	if len(stmts) > 0 && beginsWithWork(stmts[0]) {
		return w.block(stmts)
	}
	nop := At(&ast.LocalAssignStmt{Names: []string{"(nop)"}, Exprs: []ast.Expr{At(&ast.IdentExpr{Value: NameFalse}, line)}}, line)
	return append([]ast.Stmt{At(&ast.DoBlockStmt{Stmts: []ast.Stmt{nop}}, line)}, w.block(stmts)...)
}

// beginsWithWork reports whether the first instruction of a statement is
// certainly no jump.
func beginsWithWork(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.LocalAssignStmt:
		if len(s.Exprs) == 0 {
			return false
		}
		switch s.Exprs[0].(type) {
		case *ast.FuncCallExpr, *ast.AttrGetExpr, *ast.TableExpr, *ast.FunctionExpr, *ast.StringExpr, *ast.NumberExpr, *ast.ArithmeticOpExpr:
			return true
		}
	case *ast.FuncCallStmt, *ast.FuncDefStmt:
		return true
	case *ast.IfStmt:
		switch c := s.Condition.(type) {
		case *ast.FuncCallExpr, *ast.AttrGetExpr, *ast.IdentExpr:
			return true
		case *ast.RelationalOpExpr:
			_, left := c.Lhs.(*ast.FuncCallExpr)
			return left
		}
	}
	return false
}

func (w *Rewriter) local(line, n int) {
	if w.fn.locals += n; w.fn.locals > w.MaxLocals {
		w.Fail(line, "more than %d local variables in one function or file", w.MaxLocals)
	}
}

func (w *Rewriter) stmt(s ast.Stmt) ast.Stmt {
	switch s := s.(type) {
	case *ast.AssignStmt:
		return w.assign(s)
	case *ast.LocalAssignStmt:
		if len(s.Exprs) == 1 && len(s.Names) == 1 { // local function f is in its own scope
			w.local(s.Line(), 1)
			s.Exprs[0] = w.Expr(s.Exprs[0])
			return s
		}
		w.exprs(s.Exprs)
		w.local(s.Line(), len(s.Names))
	case *ast.FuncCallStmt:
		s.Expr = w.Expr(s.Expr)
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
		s.Init, s.Limit = w.Expr(s.Init), w.Expr(s.Limit)
		if s.Step != nil {
			s.Step = w.Expr(s.Step)
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
			w.Expr(s.Name.Func)
		} else {
			s.Name.Receiver = w.Expr(s.Name.Receiver)
			w.Constant(s.Line(), s.Name.Method)
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
func (w *Rewriter) assign(s *ast.AssignStmt) ast.Stmt {
	w.exprs(s.Rhs)
	line := s.Line()
	if len(s.Lhs) == 1 && len(s.Rhs) == 1 {
		if c, ok := s.Rhs[0].(*ast.FuncCallExpr); ok {
			c.AdjustRet = false // there is one target, so only one value is taken
		}
		key, ok := s.Lhs[0].(*ast.AttrGetExpr)
		if !ok {
			w.Expr(s.Lhs[0])
			return s
		}
		One(s.Rhs[0])
		if w.Set == "" {
			w.Expr(key)
			return s
		}
		return At(&ast.FuncCallStmt{Expr: Call(line, w.Set, w.Expr(key.Object), w.single(key.Key), s.Rhs[0])}, line)
	}
	temp := &ast.LocalAssignStmt{}
	add := func(name string, e ast.Expr) ast.Expr {
		temp.Names = append(temp.Names, name)
		if e != nil {
			temp.Exprs = append(temp.Exprs, e)
		}
		return At(&ast.IdentExpr{Value: name}, line)
	}
	var targets [][2]ast.Expr
	for i, lhs := range s.Lhs {
		var target [2]ast.Expr
		if key, ok := lhs.(*ast.AttrGetExpr); ok {
			target[0] = add("(table "+strconv.Itoa(i)+")", w.single(key.Object))
			target[1] = add("(key "+strconv.Itoa(i)+")", w.single(key.Key))
		} else {
			w.Expr(lhs)
		}
		targets = append(targets, target)
	}
	out := []ast.Stmt{At(temp, line)}
	for i := range s.Lhs {
		add("(value "+strconv.Itoa(i)+")", nil)
	}
	w.local(line, len(temp.Names))
	w.fn.locals -= len(temp.Names)
	temp.Exprs = append(temp.Exprs, s.Rhs...)
	for i, lhs := range slices.Backward(s.Lhs) {
		value := At(&ast.IdentExpr{Value: "(value " + strconv.Itoa(i) + ")"}, line)
		if targets[i][0] != nil && w.Set == "" {
			target := At(&ast.AttrGetExpr{Object: targets[i][0], Key: targets[i][1]}, line)
			out = append(out, At(&ast.AssignStmt{Lhs: []ast.Expr{target}, Rhs: []ast.Expr{value}}, line))
		} else if targets[i][0] != nil {
			out = append(out, At(&ast.FuncCallStmt{Expr: Call(line, w.Set, targets[i][0], targets[i][1], value)}, line))
		} else {
			out = append(out, At(&ast.AssignStmt{Lhs: []ast.Expr{lhs}, Rhs: []ast.Expr{value}}, line))
		}
	}
	return At(&ast.DoBlockStmt{Stmts: out}, line)
}

// One makes e one value where several could be taken.
func One(e ast.Expr) {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		e.AdjustRet = true
	case *ast.Comma3Expr:
		e.AdjustRet = true
	}
}

func (w *Rewriter) single(e ast.Expr) ast.Expr {
	e = w.Expr(e)
	One(e)
	return e
}

func (w *Rewriter) exprs(list []ast.Expr) {
	for i := range list {
		list[i] = w.Expr(list[i])
	}
}

// condition rewrites the condition of a branch. A constant there would become
// an unconditional jump; see rewriter.
func (w *Rewriter) condition(e ast.Expr) ast.Expr {
	return w.unfold(w.Expr(e))
}

func (w *Rewriter) unfold(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.FalseExpr, *ast.NilExpr:
		return At(&ast.IdentExpr{Value: NameFalse}, e.Line())
	case *ast.LogicalOpExpr:
		e.Lhs, e.Rhs = w.unfold(e.Lhs), w.unfold(e.Rhs)
	case *ast.UnaryNotOpExpr:
		e.Expr = w.unfold(e.Expr)
	}
	return e
}

func (w *Rewriter) function(f *ast.FunctionExpr) {
	w.fn = &function{parent: w.fn, constants: map[string]struct{}{}}
	w.local(f.Line(), len(f.ParList.Names)+2)
	f.Stmts = w.block(f.Stmts)
	w.fn = w.fn.parent
}

// Expr rewrites an expression.
func (w *Rewriter) Expr(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.NumberExpr:
		e.Value = w.numeral(e)
		w.Constant(e.Line(), e.Value)
	case *ast.StringExpr:
		w.Constant(e.Line(), e.Value)
	case *ast.IdentExpr:
		w.Constant(e.Line(), e.Value)
	case *ast.Comma3Expr:
		w.fn.varargs = true
	case *ast.AttrGetExpr:
		e.Object, e.Key = w.Expr(e.Object), w.Expr(e.Key)
	case *ast.TableExpr:
		if w.Table != nil {
			return w.Table(e)
		}
		return w.Repair(e)
	case *ast.FuncCallExpr:
		if e.Func != nil {
			e.Func = w.Expr(e.Func)
		} else {
			e.Receiver = w.Expr(e.Receiver)
			w.Constant(e.Line(), e.Method)
		}
		w.exprs(e.Args)
	case *ast.LogicalOpExpr:
		e.Lhs, e.Rhs = w.Expr(e.Lhs), w.Expr(e.Rhs)
	case *ast.RelationalOpExpr:
		e.Lhs, e.Rhs = w.Expr(e.Lhs), w.Expr(e.Rhs)
	case *ast.StringConcatOpExpr:
		return w.concat(e)
	case *ast.ArithmeticOpExpr:
		e.Lhs, e.Rhs = w.Expr(e.Lhs), w.Expr(e.Rhs)
	case *ast.UnaryMinusOpExpr:
		e.Expr = w.Expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		e.Expr = w.Expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		e.Expr = w.Expr(e.Expr)
	case *ast.FunctionExpr:
		w.function(e)
	}
	return e
}

// numeral checks a number: gopher-lua reads 0010 as octal and makes nan of what
// it can not read.
func (w *Rewriter) numeral(e *ast.NumberExpr) string {
	f, ok := ParseNumber(e.Value)
	if !ok {
		w.Fail(e.Line(), "malformed number %s", e.Value)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

func (w *Rewriter) concat(e *ast.StringConcatOpExpr) ast.Expr {
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
		first := Call(operands[0].Line(), NameConcat, operands[:maxOperands:maxOperands]...)
		first.AdjustRet = true
		operands = append([]ast.Expr{first}, operands[maxOperands:]...)
	}
	return Call(operands[0].Line(), NameConcat, operands...)
}
