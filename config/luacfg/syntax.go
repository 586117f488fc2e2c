// SPDX-License-Identifier: Apache-2.0

package luacfg

import (
	"bytes"
	"errors"
	"fmt"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"

	"tercet/config/lua51"
)

// fault is a fault in a source.
func fault(line int, text string) *lua51.SourceError {
	return &lua51.SourceError{Line: line, Text: text}
}

// compile turns source into code that reports to r. An error is a *lua51.SourceError.
func (r *runner) compile(file string, source []byte) (proto *lua.FunctionProto, err error) {
	if bytes.HasPrefix(source, []byte("\x1bLua")) {
		return nil, fault(1, "this is bytecode, which the config does not take; use the source")
	}
	if int64(len(source)) > r.memory/costSource {
		return nil, fault(1, fmt.Sprintf("more than %d KiB of source; use FileLines for data", r.memory/costSource>>10))
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
			err = fault(1, fmt.Sprint("can not be compiled: ", rec))
		}
	}()
	stmts, err := parse.Parse(bytes.NewReader(source), file)
	if err != nil {
		return nil, diagnose(source, err)
	}
	if line := lua51.TooDeep(stmts); line > 0 {
		return nil, fault(line, "nested too deep")
	}
	stmts, err = r.rewrite(file, stmts)
	if err != nil {
		return nil, err
	}
	proto, err = lua.Compile(stmts, file)
	if failed, ok := errors.AsType[*lua.CompileError](err); ok {
		return nil, fault(max(failed.Line, 1), failed.Message)
	}
	return proto, err
}
