// SPDX-License-Identifier: Apache-2.0

package lua51

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// Chunk is a compiled source, which any number of states may load.
type Chunk struct {
	proto    *lua.FunctionProto
	literals []*Literal
}

// hidden are the functions that a chunk takes.
var hidden = []string{NameConcat, NameLiteral, NameFalse}

// Compile turns a source into a chunk; name is what messages call it. An error
// is a [*SourceError].
func Compile(name string, source []byte) (c *Chunk, err error) {
	if bytes.HasPrefix(source, []byte("\x1bLua")) {
		return nil, &SourceError{1, "this is bytecode, which is not taken; use the source"}
	}
	source = bytes.TrimPrefix(source, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(source, []byte("#")) {
		source = append([]byte("--"), source...) // the line that names an interpreter
	}
	defer func() {
		if rec := recover(); rec != nil {
			err = &SourceError{1, fmt.Sprint("can not be compiled: ", rec)}
		}
	}()
	stmts, err := parse.Parse(bytes.NewReader(source), name)
	if err != nil {
		return nil, parseError(source, err)
	}
	if line := TooDeep(stmts); line > 0 {
		return nil, &SourceError{line, "nested too deep"}
	}
	w := &Rewriter{}
	if stmts, err = w.Program(stmts, hidden); err != nil {
		return nil, err
	}
	proto, err := lua.Compile(stmts, name)
	if failed, ok := errors.AsType[*lua.CompileError](err); ok {
		return nil, &SourceError{max(failed.Line, 1), failed.Message}
	}
	if err != nil {
		return nil, &SourceError{1, err.Error()}
	}
	for _, main := range proto.FunctionPrototypes {
		main.LineDefined = 0 // as Lua has it for what is no function
	}
	shrink(proto)
	return &Chunk{proto, w.literals}, nil
}

// shrink frees the room that the compiler leaves in each function for a larger
// one, which is three quarters of what programs take; and has {} make room for
// few fields at the first of them, in place of 32.
func shrink(p *lua.FunctionProto) {
	p.Code = slices.Clone(p.Code)
	p.Constants = slices.Clone(p.Constants)
	p.FunctionPrototypes = slices.Clone(p.FunctionPrototypes)
	p.DbgSourcePositions = slices.Clone(p.DbgSourcePositions)
	p.DbgLocals = slices.Clone(p.DbgLocals)
	p.DbgCalls = slices.Clone(p.DbgCalls)
	p.DbgUpvalues = slices.Clone(p.DbgUpvalues)
	for i, inst := range p.Code {
		if int(inst>>26) == lua.OP_NEWTABLE && inst&0x3ffff == 0 {
			p.Code[i] = inst | fewFields<<9
		}
	}
	for _, inner := range p.FunctionPrototypes {
		shrink(inner)
	}
}

// fewFields is the room for fields in {}.
const fewFields = 4

// parseError words what gopher-lua's parser says as Lua does.
func parseError(source []byte, err error) *SourceError {
	failed, ok := errors.AsType[*parse.Error](err)
	if !ok {
		return &SourceError{1, err.Error()}
	}
	line := failed.Pos.Line
	switch {
	case failed.Pos.Line == parse.EOF || line <= 0:
		return &SourceError{bytes.Count(source, []byte("\n")) + 1, "unexpected end near '<eof>'"}
	case failed.Token != "":
		return &SourceError{line, failed.Message + " near '" + failed.Token + "'"}
	}
	return &SourceError{line, failed.Message}
}

// Load makes a function of a chunk. Its environment is that of the state.
func (b *Library) Load(l *lua.LState, c *Chunk) *lua.LFunction {
	l.Push(l.NewFunctionFromProto(c.proto))
	l.Push(l.NewFunction(b.Concat))
	l.Push(l.NewFunction(func(l *lua.LState) int {
		n, _ := l.Get(1).(lua.LNumber)
		l.Push(c.literals[int(n)-1].Build(l, func(_ *lua.LTable, d *Literal) {
			b.meter.Alloc(l, costTable+costEntry*d.Len())
		}, func(*lua.LTable, lua.LValue) {}))
		return 1
	}))
	l.Push(lua.LFalse)
	l.Call(len(hidden), 1)
	fn, _ := l.Get(-1).(*lua.LFunction)
	l.Pop(1)
	return fn
}

// TooDeep returns the line of a part of the tree that is nested deeper than the
// stack of the compiler, which recurs, is meant for; else 0.
func TooDeep(stmts []ast.Stmt) int {
	type part struct {
		node  any
		depth int
	}
	stack := []part{{stmts, 0}}
	for len(stack) > 0 {
		p := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if p.depth > maxDepth {
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
