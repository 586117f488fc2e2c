// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"

	"tercet/core/control"
)

// scripts complete the words of a command line by asking the program itself,
// which asks the server.
//
//go:embed completion
var scripts embed.FS

// completion prints the script of a shell.
func (p *program) completion(_ context.Context, args []string) int {
	if len(args) == 1 {
		if script, err := scripts.ReadFile("completion/tercet." + args[0]); err == nil {
			fmt.Fprintf(p.out, "%s", script)
			return control.OK
		}
	}
	return p.usage("usage: tercet completion bash|zsh|fish")
}

func shells(words []string) []string {
	if len(words) > 1 {
		return nil
	}
	return []string{"bash", "zsh", "fish"}
}

// complete prints what the last of the words may become.
func (p *program) complete(ctx context.Context, words []string) int {
	rest, err := p.options(words)
	if err != nil || len(rest) == 0 {
		return control.OK // the name of a file, which the shell completes
	}
	last := rest[len(rest)-1]
	var list []string
	if len(rest) == 1 && strings.HasPrefix(last, "-") {
		list = append(list, "--config", "--socket", "--json", "--help", "--version")
	}
	ask := rest
	if rest[0] == "help" {
		ask = rest[1:]
	}
	for _, b := range p.builtins() {
		list = append(list, b.candidates(ask)...)
	}
	var served []string
	if p.query(ctx, &served, append([]string{"__complete"}, ask...)...) != nil {
		served = completeStatic(ask)
	}
	list = append(list, served...)
	for i, word := range list {
		if strings.HasPrefix(word, last) && !slices.Contains(list[:i], word) {
			fmt.Fprintln(p.out, word)
		}
	}
	return control.OK
}

// completeStatic completes the names of commands when no server runs.
func completeStatic(words []string) []string {
	if len(words) == 0 {
		return nil
	}
	before := strings.Join(words[:len(words)-1], " ")
	var list []string
	for _, name := range static {
		if rest, ok := strings.CutPrefix(name, strings.TrimLeft(before+" ", " ")); ok {
			word, _, _ := strings.Cut(rest, " ")
			if !slices.Contains(list, word) {
				list = append(list, word)
			}
		}
	}
	return list
}
