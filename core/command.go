// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"io"
	"slices"
	"strings"
)

// A Command is one that the program does by itself, in addition to its own and
// to those of a running server.
type Command struct {
	Name, Args, Doc string // the name may have several words
	// Run does it and returns the exit code, one of package control.
	Run func(context.Context, Call) int
	// Complete returns what the last of the words behind the name may become.
	Complete func(words []string) []string
}

// A Call is one call of a Command.
type Call struct {
	Build    Build
	Args     []string
	JSON     bool
	Out, Err io.Writer
}

// own finds the command of the program that the words begin with.
func (p *program) own(words []string) (found builtin, rest []string, ok bool) {
	for _, b := range p.builtins() {
		name := strings.Fields(b.name)
		if n := len(name); len(words) >= n && slices.Equal(words[:n], name) {
			return b, words[n:], true
		}
	}
	return builtin{}, nil, false
}

// candidates are what the last of the words may become if the command is meant.
func (b builtin) candidates(words []string) []string {
	name := strings.Fields(b.name)
	switch n := len(words) - 1; {
	case n < 0:
	case n < len(name):
		if slices.Equal(words[:n], name[:n]) {
			return name[n : n+1]
		}
	case b.complete != nil && slices.Equal(words[:len(name)], name):
		return b.complete(words[len(name):])
	}
	return nil
}
