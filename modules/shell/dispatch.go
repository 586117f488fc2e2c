// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tercet/config"
)

// found is a command, and what is left of the words of its call.
type found struct {
	name string
	Spec
	host bool // its first argument is a host
}

// maxWords is how many words a command's name has at most.
const maxWords = 3

// dispatch finds the command and calls it.
func (m *shell) dispatch(ctx context.Context, call *Call, args []string) error {
	if i := slices.Index(args, "--json"); i >= 0 && !slices.Contains(args[:i], "--") {
		args = slices.Delete(slices.Clone(args), i, i+1)
		call.out.json = true
	}
	all := m.commands()
	if len(args) > 0 && (args[0] == "help" || args[0] == "--help" || args[0] == "-h") {
		return help(call, all, args[1:])
	}
	if len(args) > 0 && args[0] == "__complete" {
		return call.Result(m.complete(all, args[1:]))
	}
	cmd, rest := find(all, args)
	if cmd == nil {
		return unknown(all, args)
	}
	if slices.Contains(rest, "--help") {
		return help(call, all, []string{cmd.name})
	}
	if err := call.parse(cmd, rest); err != nil {
		return fmt.Errorf("%w\nusage: tercet %s", err, cmd.usage())
	}
	if cmd.host {
		return m.runOnHost(ctx, call, cmd)
	}
	err := cmd.Run(ctx, call)
	if usage, ok := err.(*UsageError); ok { //nolint:errorlint // the command's own, not one that it wraps
		return fmt.Errorf("%w\nusage: tercet %s", usage, cmd.usage())
	}
	return err
}

// runOnHost calls the command of a host's module.
func (m *shell) runOnHost(ctx context.Context, call *Call, cmd *found) error {
	call.Host = m.env.Router.Host(call.Args[0])
	if call.Host == nil {
		return m.noHost(call.Args[0])
	}
	p := call.Host.Table.Enter()
	spec, ok := Command.Get(p, cmd.name)
	p.Leave()
	if !ok {
		return fmt.Errorf("%s is not a command of %s", cmd.name, call.Host.Name)
	}
	call.Args = call.Args[1:]
	return spec.Run(ctx, call)
}

// commands are all that can be called now, by their words.
func (m *shell) commands() map[string]*found {
	all := make(map[string]*found)
	for _, h := range m.env.Router.Hosts() {
		p := h.Table.Enter()
		for name, spec := range Command.All(p) {
			if all[name] == nil {
				spec.Args = strings.TrimSpace("HOST " + spec.Args)
				all[name] = &found{name, spec, true}
			}
		}
		p.Leave()
	}
	p := m.env.Router.Table.Enter()
	defer p.Leave()
	for name, spec := range Command.All(p) {
		all[name] = &found{name, spec, false}
	}
	return all
}

// find takes the longest name that the words begin with.
func find(all map[string]*found, args []string) (*found, []string) {
	for n := min(maxWords, len(args)); n > 0; n-- {
		if c := all[strings.Join(args[:n], " ")]; c != nil {
			return c, args[n:]
		}
	}
	return nil, nil
}

func unknown(all map[string]*found, args []string) error {
	if len(args) == 0 {
		return Usagef("no command; the commands are listed by: tercet help")
	}
	names := slices.Sorted(maps.Keys(all))
	group := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !strings.HasPrefix(n, args[0]+" ") })
	word, known := args[0], names
	if len(group) > 0 {
		if len(args) == 1 {
			return Usagef("%s what? There are: %s", args[0], strings.Join(group, ", "))
		}
		word, known = args[0]+" "+args[1], group
	}
	text := fmt.Sprintf("unknown command %q", word)
	if near := config.Suggest(word, known); near != "" {
		text += fmt.Sprintf("; did you mean %q?", near)
	}
	return Usagef("%s\nthe commands are listed by: tercet help", text)
}

func (f *found) usage() string {
	words := []string{f.name}
	for _, flag := range f.Flags {
		words = append(words, "["+strings.TrimSpace("--"+flag.Name+" "+flag.Value)+"]")
	}
	return strings.TrimSpace(strings.Join(words, " ") + " " + f.Args)
}

// counts are how many arguments there have to be, and may be at most; most is
// negative where there is no limit.
func (f *found) counts() (least, most int) {
	for word := range strings.FieldsSeq(f.Args) {
		if !strings.HasPrefix(word, "[") {
			least++
		}
		most++
		if strings.Contains(word, "...") {
			return least, -1
		}
	}
	return least, most
}

// parse takes flags and arguments apart.
func (c *Call) parse(cmd *found, words []string) error {
	c.flags = make(map[string]string)
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		if word == "--" {
			c.Args = append(c.Args, words...)
			break
		}
		name, isFlag := strings.CutPrefix(word, "--")
		if !isFlag {
			c.Args = append(c.Args, word)
			continue
		}
		name, value, given := strings.Cut(name, "=")
		i := slices.IndexFunc(cmd.Flags, func(f Flag) bool { return f.Name == name })
		switch {
		case i < 0:
			return Usagef("unknown option --%s", name)
		case cmd.Flags[i].Value == "" && given:
			return Usagef("--%s takes no value", name)
		case cmd.Flags[i].Value != "" && !given && len(words) == 0:
			return Usagef("--%s needs %s", name, cmd.Flags[i].Value)
		case cmd.Flags[i].Value != "" && !given:
			value, words = words[0], words[1:]
		}
		c.flags[name] = value
	}
	least, most := cmd.counts()
	switch {
	case len(c.Args) < least:
		return Usagef("%s is missing", strings.Fields(cmd.Args)[len(c.Args)])
	case most >= 0 && len(c.Args) > most:
		return Usagef("what is %q?", c.Args[most])
	}
	return nil
}

func firstWord(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
