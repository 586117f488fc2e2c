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

func (p *program) unknownCommand(args []string) string {
	names := slices.Clone(static)
	for _, b := range p.builtins() {
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
	whole := false // one command is asked for, and is the program's
	for _, b := range p.builtins() {
		if want == "" || want == b.name || strings.HasPrefix(b.name, want+" ") {
			all = append(all, command{b.name, strings.TrimSpace(b.name + " " + b.args), b.doc})
			whole = whole || want == b.name
		}
	}
	if want != "" && len(all) == 0 {
		return p.forward(ctx, append([]string{"help"}, args...))
	}
	own, note := len(all), ""
	if !whole {
		var served []command
		served, note = p.served(ctx, args)
		all = append(all, served...)
	}
	switch {
	case p.json:
		p.encode(all)
		return control.OK
	case whole:
		fmt.Fprintf(p.out, "usage: tercet %s\n%s\n", all[0].Usage, all[0].Doc)
		return control.OK
	case want == "":
		fmt.Fprint(p.out, "usage: tercet [--config FILE | --socket FILE] COMMAND [--json] [ARGUMENT...]\n\n")
	}
	width := 0
	for _, c := range all {
		width = max(width, len(c.Usage))
	}
	for i, c := range all {
		if i == own {
			fmt.Fprintf(p.out, "\nOf the running server:\n%s", note)
		}
		fmt.Fprintln(p.out, strings.TrimRight(fmt.Sprintf("  %-*s  %s", width, c.Usage, c.Doc), " "))
	}
	return control.OK
}

// served are the commands of the server that begin with the words. Where none
// runs they are those that this program knows of, and note says so.
func (p *program) served(ctx context.Context, words []string) (list []command, note string) {
	err := p.query(ctx, &list, append([]string{"help"}, words...)...)
	if err == nil {
		return list, ""
	}
	for _, name := range static {
		if strings.HasPrefix(name+" ", strings.TrimLeft(strings.Join(words, " ")+" ", " ")) {
			list = append(list, command{Command: name, Usage: name})
		}
	}
	if errors.Is(err, ErrNoConfig) {
		return list, "Told by a running server, with what they take; there is no config now to find it.\n"
	}
	return list, "Told by a running server, with what they take; now: " + strings.SplitN(err.Error(), "\n", 2)[0] + "\n"
}
