// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"errors"
	"fmt"

	"tercet/core/control"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/route"
)

// Command holds the commands of the control tool by their words: "status",
// "module load". What a module attaches to the server's table is a command of
// the server; what it attaches on a host takes that host as its first argument.
var Command = ext.NewMap[string, Spec]("shell-command")

// A Spec is a command.
type Spec struct {
	// Args names the arguments as in "JID [HOST] [WORD...]": required, then
	// optional, then any number. HOST, JID and MODULE are completed.
	Args  string
	Doc   string // one sentence
	Flags []Flag
	// Run does it. What it returns is told and makes the exit code: 0 for nil,
	// 2 for a UsageError, else 1. It honours its context, which ends when the
	// client goes away, unless what it changes would be left half done.
	Run func(context.Context, *Call) error
}

// A Flag is an option of a command: --Name, or --Name VALUE.
type Flag struct {
	Name  string
	Value string // what is given, such as "TEXT"; empty for a switch
	Doc   string
}

// A UsageError says that a command was called in a wrong way.
type UsageError struct{ Text string }

func (e *UsageError) Error() string { return e.Text }

// Usagef returns a UsageError.
func Usagef(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// askError ends a command that has to read something first.
type askError struct{ control.Ask }

func (*askError) Error() string { return "input is needed" }

// A Call is one call of a command.
type Call struct {
	Args []string
	Env  *module.Env
	Host *route.Host // for the command of a host's module

	flags   map[string]string
	input   *string
	version int // of the protocol that the client knows
	out     output

	ending bool // the connection is closed when the server has ended
}

// Arg is the nth argument, or "".
func (c *Call) Arg(n int) string {
	if n < len(c.Args) {
		return c.Args[n]
	}
	return ""
}

// Flag is the value of a flag; ok says that it was given.
func (c *Call) Flag(name string) (value string, ok bool) {
	value, ok = c.flags[name]
	return value, ok
}

// Password is what the admin types, twice, without echo. A command checks
// whatever it can before it asks: it is run from its start again with the
// answer.
func (c *Call) Password(prompt string) (string, error) {
	if c.input == nil {
		return "", &askError{control.Ask{Prompt: prompt, Secret: true, Twice: true}}
	}
	if *c.input == "" {
		return "", errors.New("the password is empty")
	}
	return *c.input, nil
}
