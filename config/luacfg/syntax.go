// SPDX-License-Identifier: Apache-2.0

package luacfg

import (
	"bytes"
	"errors"
	"fmt"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"tercet/config"
)

// compile turns source into code that reports to r. An error is a *sourceError.
func (r *runner) compile(file string, source []byte) (proto *lua.FunctionProto, err error) {
	if bytes.HasPrefix(source, []byte("\x1bLua")) {
		return nil, &sourceError{1, "this is bytecode, which the config does not take; use the source"}
	}
	if int64(len(source)) > r.memory/costSource {
		return nil, &sourceError{1, fmt.Sprintf("more than %d KiB of source; use FileLines for data", r.memory/costSource>>10)}
	}
	r.charge(int64(len(source)) * costSource)
	source = bytes.TrimPrefix(source, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(source, []byte("#")) {
		source = append([]byte("--"), source...) // the line that names an interpreter
	}
	if err := overNested(string(source)); err != nil {
		return nil, err
	}
	defer func() {
		if rec := recover(); rec != nil {
			err = &sourceError{1, fmt.Sprint("can not be compiled: ", rec)}
		}
	}()
	stmts, err := parse.Parse(bytes.NewReader(source), file)
	if err != nil {
		return nil, diagnose(source, err)
	}
	if line := tooDeep(stmts); line > 0 {
		return nil, &sourceError{line, "nested too deep"}
	}
	stmts, err = rewrite(file, stmts, &r.sites, func(line int, text string) { r.warn(config.Pos{File: file, Line: line}, text) })
	if err != nil {
		return nil, err
	}
	proto, err = lua.Compile(stmts, file)
	if failed, ok := errors.AsType[*lua.CompileError](err); ok {
		return nil, &sourceError{max(failed.Line, 1), failed.Message}
	}
	return proto, err
}

// tooDeep returns the line of a part of the tree that is nested deeper than the
// stack of the compiler, which recurs, is meant for; else 0.
func tooDeep(stmts []ast.Stmt) int {
	type part struct {
		node  any
		depth int
	}
	stack := []part{{stmts, 0}}
	for len(stack) > 0 {
		p := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if p.depth > maxSyntaxDepth {
			if n, ok := p.node.(ast.PositionHolder); ok && n.Line() > 0 {
				return n.Line()
			}
			return 1
		}
		for _, child := range children(p.node) {
			stack = append(stack, part{child, p.depth + 1})
		}
	}
	return 0
}

// children lists the parts of a block, a statement or an expression.
func children(node any) (parts []any) {
	switch n := node.(type) {
	case []ast.Stmt:
		return appendStmts(nil, n...)
	case ast.Stmt:
		return stmtParts(n)
	case ast.Expr:
		return exprParts(n)
	}
	return nil
}

func appendStmts(parts []any, stmts ...ast.Stmt) []any {
	for _, s := range stmts {
		parts = append(parts, s)
	}
	return parts
}

func appendExprs(parts []any, exprs ...ast.Expr) []any {
	for _, e := range exprs {
		if e != nil {
			parts = append(parts, e)
		}
	}
	return parts
}

func stmtParts(stmt ast.Stmt) []any {
	switch n := stmt.(type) {
	case *ast.AssignStmt:
		return appendExprs(appendExprs(nil, n.Lhs...), n.Rhs...)
	case *ast.LocalAssignStmt:
		return appendExprs(nil, n.Exprs...)
	case *ast.FuncCallStmt:
		return appendExprs(nil, n.Expr)
	case *ast.DoBlockStmt:
		return appendStmts(nil, n.Stmts...)
	case *ast.WhileStmt:
		return appendStmts(appendExprs(nil, n.Condition), n.Stmts...)
	case *ast.RepeatStmt:
		return appendStmts(appendExprs(nil, n.Condition), n.Stmts...)
	case *ast.IfStmt:
		return appendStmts(appendStmts(appendExprs(nil, n.Condition), n.Then...), n.Else...)
	case *ast.NumberForStmt:
		return appendStmts(appendExprs(nil, n.Init, n.Limit, n.Step), n.Stmts...)
	case *ast.GenericForStmt:
		return appendStmts(appendExprs(nil, n.Exprs...), n.Stmts...)
	case *ast.FuncDefStmt:
		return appendStmts(appendExprs(nil, n.Name.Func, n.Name.Receiver), n.Func.Stmts...)
	case *ast.ReturnStmt:
		return appendExprs(nil, n.Exprs...)
	}
	return nil
}

func exprParts(expr ast.Expr) (parts []any) {
	switch n := expr.(type) {
	case *ast.AttrGetExpr:
		return appendExprs(nil, n.Object, n.Key)
	case *ast.TableExpr:
		for _, f := range n.Fields {
			parts = appendExprs(parts, f.Key, f.Value)
		}
	case *ast.FuncCallExpr:
		return appendExprs(appendExprs(nil, n.Func, n.Receiver), n.Args...)
	case *ast.LogicalOpExpr:
		return appendExprs(nil, n.Lhs, n.Rhs)
	case *ast.RelationalOpExpr:
		return appendExprs(nil, n.Lhs, n.Rhs)
	case *ast.StringConcatOpExpr:
		return appendExprs(nil, n.Lhs, n.Rhs)
	case *ast.ArithmeticOpExpr:
		return appendExprs(nil, n.Lhs, n.Rhs)
	case *ast.UnaryMinusOpExpr:
		return appendExprs(nil, n.Expr)
	case *ast.UnaryNotOpExpr:
		return appendExprs(nil, n.Expr)
	case *ast.UnaryLenOpExpr:
		return appendExprs(nil, n.Expr)
	case *ast.FunctionExpr:
		return appendStmts(nil, n.Stmts...)
	}
	return parts
}
