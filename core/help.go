// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tercet/config"
	"tercet/core/control"
)

// A command is what help tells of one; the server's come in this form.
type command struct {
	Command string `json:"command"`
	Usage   string `json:"usage"`
	Doc     string `json:"doc"`
}

// static are the server's commands as this program knows them when no server
// runs. A test compares them with those of a running one.
var static = []string{
	"adduser", "cert", "deluser", "kick", "listeners", "log", "module list", "module load", "module reload", "module top",
	"module unload", "passwd", "profile", "reload", "sessions", "status", "stop", "storage", "users",
}

// knownCommand reports whether the server would know the command.
func knownCommand(args []string) bool {
	return slices.ContainsFunc(static, func(s string) bool {
		words := strings.Fields(s)
		n := min(len(words), len(args))
		return slices.Equal(words[:n], args[:n])
	})
}

func unknownCommand(args []string) string {
	names := slices.Clone(static)
	for _, b := range builtins() {
		names = append(names, b.name)
	}
	word := args[0]
	text := fmt.Sprintf("unknown command %q", word)
	if len(args) > 1 && slices.ContainsFunc(static, func(s string) bool { return strings.HasPrefix(s, word+" ") }) {
		word += " " + args[1]
		text = fmt.Sprintf("unknown command %q", word)
	}
	if near := config.Suggest(word, names); near != "" {
		text += fmt.Sprintf("; did you mean %q?", near)
	}
	return text
}

// help tells about all commands, or about those that begin with the words.
func (p *program) help(ctx context.Context, args []string) int {
	want := strings.Join(args, " ")
	var all []command
	for _, b := range builtins() {
		if want == "" || want == b.name {
			all = append(all, command{b.name, strings.TrimSpace(b.name + " " + b.args), b.doc})
		}
	}
	if want != "" && len(all) == 0 {
		return p.forward(ctx, append([]string{"help"}, args...))
	}
	var note string
	if want == "" {
		var served []command
		err := p.query(ctx, &served, "help")
		if err != nil {
			for _, name := range static {
				served = append(served, command{Command: name, Usage: name})
			}
			note = "Told by a running server, with what they take; now: " + strings.SplitN(err.Error(), "\n", 2)[0] + "\n"
			if errors.Is(err, ErrNoConfig) {
				note = "Told by a running server, with what they take; there is no config now to find it.\n"
			}
		}
		all = append(all, served...)
	}
	if p.json {
		p.encode(all)
		return control.OK
	}
	if want != "" {
		fmt.Fprintf(p.out, "usage: tercet %s\n%s\n", all[0].Usage, all[0].Doc)
		return control.OK
	}
	fmt.Fprint(p.out, "usage: tercet [--config FILE | --socket FILE] COMMAND [--json] [ARGUMENT...]\n\n")
	width := 0
	for _, c := range all {
		width = max(width, len(c.Usage))
	}
	for i, c := range all {
		if i == len(builtins()) {
			fmt.Fprintf(p.out, "\nOf the running server:\n%s", note)
		}
		fmt.Fprintln(p.out, strings.TrimRight(fmt.Sprintf("  %-*s  %s", width, c.Usage, c.Doc), " "))
	}
	return control.OK
}
