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

// children lists the parts of a statement or an expression. An elseif is no
// deeper than its if.
func children(node any) (parts []any) {
	exprs := func(list ...ast.Expr) {
		for _, e := range list {
			if e != nil {
				parts = append(parts, e)
			}
		}
	}
	block := func(list []ast.Stmt) {
		for _, s := range list {
			parts = append(parts, s)
		}
	}
	switch n := node.(type) {
	case []ast.Stmt:
		block(n)
	case *ast.AssignStmt:
		exprs(n.Lhs...)
		exprs(n.Rhs...)
	case *ast.LocalAssignStmt:
		exprs(n.Exprs...)
	case *ast.FuncCallStmt:
		exprs(n.Expr)
	case *ast.DoBlockStmt:
		block(n.Stmts)
	case *ast.WhileStmt:
		exprs(n.Condition)
		block(n.Stmts)
	case *ast.RepeatStmt:
		exprs(n.Condition)
		block(n.Stmts)
	case *ast.IfStmt:
		exprs(n.Condition)
		block(n.Then)
		block(n.Else)
	case *ast.NumberForStmt:
		exprs(n.Init, n.Limit, n.Step)
		block(n.Stmts)
	case *ast.GenericForStmt:
		exprs(n.Exprs...)
		block(n.Stmts)
	case *ast.FuncDefStmt:
		exprs(n.Name.Func, n.Name.Receiver)
		block(n.Func.Stmts)
	case *ast.ReturnStmt:
		exprs(n.Exprs...)
	case *ast.AttrGetExpr:
		exprs(n.Object, n.Key)
	case *ast.TableExpr:
		for _, f := range n.Fields {
			exprs(f.Key, f.Value)
		}
	case *ast.FuncCallExpr:
		exprs(n.Func, n.Receiver)
		exprs(n.Args...)
	case *ast.LogicalOpExpr:
		exprs(n.Lhs, n.Rhs)
	case *ast.RelationalOpExpr:
		exprs(n.Lhs, n.Rhs)
	case *ast.StringConcatOpExpr:
		exprs(n.Lhs, n.Rhs)
	case *ast.ArithmeticOpExpr:
		exprs(n.Lhs, n.Rhs)
	case *ast.UnaryMinusOpExpr:
		exprs(n.Expr)
	case *ast.UnaryNotOpExpr:
		exprs(n.Expr)
	case *ast.UnaryLenOpExpr:
		exprs(n.Expr)
	case *ast.FunctionExpr:
		block(n.Stmts)
	}
	return parts
}
