// SPDX-License-Identifier: Apache-2.0

package luacfg

import (
	"github.com/yuin/gopher-lua/ast"

	"tercet/config"
	"tercet/config/lua51"
)

// Beside what [lua51.Rewriter] does, the source of a config is rewritten to
// report where its tables stand and what it allocates:
//
//	t[k] = v             (set)(t, k, v)
//	{ "a", x = 1 }       (table)({ "a", x = 1 }, site)
//	{ [k] = v }          { [(key)(k)] = v }
//	{ 50 or more constants }   (literal)(number)
const (
	nameSet   = "(set)"
	nameTable = "(table)" // notes the site
	nameKey   = "(key)"   // charges for the key
)

var hidden = []string{lua51.NameConcat, nameSet, nameTable, lua51.NameLiteral, nameKey, lua51.NameFalse}

const (
	maxLocals      = 180
	minLiteral     = 50
	maxSyntaxDepth = 500
)

// rewriter is one rewriting of one file.
type rewriter struct {
	lua51.Rewriter
	*runner
	file string
}

func (r *runner) rewrite(file string, stmts []ast.Stmt) ([]ast.Stmt, error) {
	w := &rewriter{runner: r, file: file}
	w.Rewriter = lua51.Rewriter{Set: nameSet, Table: w.table, MaxLocals: maxLocals, Advice: "; use Include, or FileLines for data"}
	return w.Program(stmts, hidden)
}

func (w *rewriter) warn(line int, text string) {
	w.runner.warn(config.Pos{File: w.file, Line: line}, text)
}
