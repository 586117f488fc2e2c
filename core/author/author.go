// SPDX-License-Identifier: Apache-2.0

// Package author is the commands for who writes a module that is not compiled
// in: it makes a project, plays its golden streams to a server in memory, and
// tells what a file needs.
package author

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"tercet/core"
	"tercet/core/control"
)

// A Finding is what an Inspector has to say of a file. It crosses as JSON, too.
type Finding interface {
	Print(w io.Writer)
	Failed() bool
}

// An Inspector looks at the file of a guest. The options are a JSON object, or
// empty.
type Inspector func(ctx context.Context, file string, options json.RawMessage) Finding

// Commands are "module new", "module test" and "module check". The inspectors
// are by the ending of the files that they look at, such as ".wasm".
func Commands(inspectors map[string]Inspector) []core.Command {
	return []core.Command{
		{
			Name: "module new", Args: "NAME --lang " + strings.Join(languages(), "|") + " [--dir DIR]",
			Doc: "Write a project for a module that is not compiled in.", Run: makeProject, Complete: completeNew,
		},
		{
			Name: "module test", Args: "[DIR]",
			Doc: "Play a project's golden streams to a server in memory.", Run: play, Complete: nil,
		},
		{
			Name: "module check", Args: "FILE [--options JSON]",
			Doc: "Tell what the file of a module needs, and what is wrong with it.",
			Run: func(ctx context.Context, c core.Call) int { return check(ctx, c, inspectors) },
		},
	}
}

// usage tells how the command was called in a wrong way.
func usage(c core.Call, format string, args ...any) int {
	fail(c, fmt.Sprintf(format, args...))
	return control.Usage
}

// fail tells what has gone wrong.
func fail(c core.Call, text string) int {
	if c.JSON {
		result(c, map[string]string{"error": text})
	} else {
		fmt.Fprintln(c.Err, text)
	}
	return control.Failed
}

// result writes one line of JSON.
func result(c core.Call, v any) {
	_ = json.NewEncoder(c.Out).Encode(v) // what goes to a closed pipe is not wanted
}

// parse takes the options with a value out of the words, "--name value" or
// "--name=value".
func parse(words []string, options map[string]*string) (rest []string, err error) {
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		if !strings.HasPrefix(word, "-") {
			rest = append(rest, word)
			continue
		}
		name, value, given := strings.Cut(strings.TrimLeft(word, "-"), "=")
		to := options[name]
		if to == nil {
			return nil, fmt.Errorf("unknown option %s", word)
		}
		if !given {
			if len(words) == 0 {
				return nil, fmt.Errorf("--%s needs a value", name)
			}
			value, words = words[0], words[1:]
		}
		*to = value
	}
	return rest, nil
}

// completeNew completes the words behind "module new".
func completeNew(words []string) []string {
	n := len(words)
	switch {
	case n > 1 && words[n-2] == "--lang":
		return languages()
	case n > 1 && words[n-2] == "--dir":
		return nil
	case n > 0 && strings.HasPrefix(words[n-1], "-"):
		return slices.DeleteFunc([]string{"--lang", "--dir"}, func(o string) bool { return slices.Contains(words[:n-1], o) })
	}
	return nil
}
