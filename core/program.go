// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"tercet/config"
	"tercet/core/control"
)

// program is one call of the command line.
type program struct {
	Build
	in       *os.File
	out, err io.Writer

	config    string // --config
	socket    string // --socket
	json      bool
	fromStdin bool // --password-stdin
}

// A builtin is a command that the program does by itself.
type builtin struct {
	name, args, doc string
	run             func(*program, context.Context, []string) int
	complete        func(words []string) []string
}

// builtins are those commands; the others are the server's.
func (p *program) builtins() []builtin {
	all := []builtin{
		{"run", "", "Run the server in the foreground.", noArgs((*program).serve), nil},
		{"check", "", "Report all problems of the config; change nothing.", noArgs(func(p *program, _ context.Context) int { return p.checkConfig() }), nil},
		{"shell", "", "Read commands from a prompt.", noArgs((*program).shell), nil},
		{"version", "", "Print the version of this program.", noArgs(func(p *program, _ context.Context) int { return p.printVersion() }), nil},
		{"completion", "bash|zsh|fish", "Print the completion script of a shell.", (*program).completion, shells},
		{"help", "[COMMAND]", "Tell about the commands.", (*program).help, nil},
	}
	for _, c := range p.Commands {
		all = append(all, builtin{c.Name, c.Args, c.Doc, func(p *program, ctx context.Context, args []string) int {
			return c.Run(ctx, Call{p.Build, args, p.json, p.out, p.err})
		}, c.Complete})
	}
	return all
}

func noArgs(fn func(*program, context.Context) int) func(*program, context.Context, []string) int {
	return func(p *program, ctx context.Context, args []string) int {
		if len(args) > 0 {
			return p.usage("what is %q?", args[0])
		}
		return fn(p, ctx)
	}
}

func (p *program) run(ctx context.Context, args []string) int {
	args, err := p.options(args)
	if err != nil {
		return p.usage("%v", err)
	}
	if len(args) == 0 {
		return p.usage("usage: tercet [--config FILE] COMMAND [ARGUMENT...]; the commands are listed by: tercet help")
	}
	switch args[0] {
	case "--help", "-h":
		args[0] = "help"
	case "--version":
		args[0] = "version"
	case "__complete":
		return p.complete(ctx, args[1:])
	}
	if b, rest, ok := p.own(args); ok {
		if slices.Contains(rest, "--help") {
			return p.help(ctx, strings.Fields(b.name))
		}
		return b.run(p, ctx, rest)
	}
	return p.forward(ctx, args)
}

// options takes out what is meant for the program itself, wherever it stands.
func (p *program) options(args []string) ([]string, error) {
	var rest []string
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch arg {
		case "--json":
			p.json = true
			continue
		case "--password-stdin":
			p.fromStdin = true
			continue
		case "--":
			return append(append(rest, arg), args...), nil
		}
		name, value, given := strings.Cut(arg, "=")
		to := map[string]*string{"--config": &p.config, "--socket": &p.socket}[name]
		if to == nil {
			rest = append(rest, arg)
			continue
		}
		if !given && len(args) > 0 {
			value, args = args[0], args[1:]
		}
		if *to = value; value == "" {
			return nil, fmt.Errorf("%s needs a file", name)
		}
	}
	return rest, nil
}

// usage tells how the program was called in a wrong way.
func (p *program) usage(format string, args ...any) int {
	p.fail(fmt.Sprintf(format, args...))
	return control.Usage
}

// fail tells what has gone wrong.
func (p *program) fail(text string) int {
	if p.json {
		p.encode(map[string]string{"error": text})
	} else {
		fmt.Fprintln(p.err, text)
	}
	return control.Failed
}

// encode writes a result as one line of JSON.
func (p *program) encode(v any) {
	_ = json.NewEncoder(p.out).Encode(v) // what goes to a closed pipe is not wanted
}

func (p *program) printVersion() int {
	if p.json {
		p.encode(map[string]string{"version": p.Version})
	} else {
		fmt.Fprintln(p.out, "tercet "+p.Version)
	}
	return control.OK
}

// ErrNoConfig says that there is no config file.
var ErrNoConfig = errors.New("no config file: give --config FILE, or set TERCET_CONFIG, or write ./tercet.cfg.lua or /etc/tercet/tercet.cfg.lua")

// configPath finds the config as the README says.
func (p *program) configPath() (string, error) {
	if p.config != "" {
		return p.config, nil
	}
	if file := os.Getenv("TERCET_CONFIG"); file != "" {
		return file, nil
	}
	for _, file := range [...]string{"tercet.cfg.lua", "/etc/tercet/tercet.cfg.lua"} {
		if _, err := os.Stat(file); err == nil {
			return file, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("config: %w", err)
		}
	}
	return "", ErrNoConfig
}

// loadConfig runs the config file. With create, the first start in an empty
// place writes a config.
func (p *program) loadConfig(create bool) (c *config.Config, fresh bool, err error) {
	file, err := p.configPath()
	if errors.Is(err, ErrNoConfig) && create {
		file, fresh = "tercet.cfg.lua", true
		if err := os.WriteFile(file, p.Default, fileMode); err != nil {
			return nil, false, fmt.Errorf("write a first config: %w", err)
		}
	} else if err != nil {
		return nil, false, err
	}
	c, err = p.Load(file)
	return c, fresh, err
}

// A checkResult is what check --json prints.
type checkResult struct {
	File     string       `json:"file"`
	Hosts    int          `json:"hosts"`
	Problems []problemRow `json:"problems"`
	Notes    []noteRow    `json:"notes"`
}

type problemRow struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Severity string `json:"severity"`
	Text     string `json:"text"`
}

type noteRow struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Option string `json:"option"`
	Reason string `json:"reason"`
}

// checkConfig reports all problems of the config and changes nothing.
func (p *program) checkConfig() int {
	c, _, err := p.loadConfig(false)
	if err != nil {
		return p.fail(err.Error())
	}
	problems := Check(p.Build, c)
	without := notes(c, knownOptions(newCatalogue(p.Build).For(c)))
	warnings := len(slices.DeleteFunc(slices.Clone(problems), func(x config.Problem) bool { return x.Severity != config.Warning }))
	code := control.OK
	if config.Failed(problems) {
		code = control.Failed
	}
	if p.json {
		r := checkResult{c.File, len(c.Hosts), []problemRow{}, []noteRow{}}
		for _, x := range problems {
			r.Problems = append(r.Problems, problemRow{x.Pos.File, x.Pos.Line, x.Severity.String(), x.Text})
		}
		for _, x := range without {
			r.Notes = append(r.Notes, noteRow{x.Pos.File, x.Pos.Line, x.Option, x.Reason})
		}
		p.encode(r)
		return code
	}
	p.print(problems)
	for _, n := range without {
		fmt.Fprintf(p.err, "%s: note: %s: accepted, without effect: %s\n", n.Pos, n.Option, n.Reason)
	}
	fmt.Fprintf(p.out, "%s: %d hosts, %d errors, %d warnings\n", c.File, len(c.Hosts), len(problems)-warnings, warnings)
	return code
}
