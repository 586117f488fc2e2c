// SPDX-License-Identifier: Apache-2.0

// Package process runs guests in processes of their own: modules in any
// language that speaks gRPC, on go-plugin's handshake.
package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"tercet/config"
	"tercet/core/module"
	"tercet/modules/guest"
	"tercet/sdk/proto/modulepb"
)

// Module finds the guests that the config describes. It does nothing else, and
// needs no place in modules_enabled: the guests do.
var Module = module.Define("process", module.OnHost, options{}, func(*module.Scope, options) error { return nil }).Finding(find)

type options struct {
	Guests map[string]spec `lua:"process_modules" type:"table of guests" doc:"Guests in processes by their config words: command, limit, window, allow, on_failure, options, env."`

	word  string // of the guest; empty for Module itself
	spec  spec
	stamp string // of its files: others are another guest
}

// A spec is what the config says of one guest.
type spec struct {
	Command   []string          `lua:"command" doc:"The program and its arguments."`
	Limit     time.Duration     `lua:"limit" min:"1ms" max:"10s" doc:"Most time for an event."`
	Window    int               `lua:"window" min:"1" max:"1024" doc:"Most events that it has in its hands."`
	Allow     []string          `lua:"allow" doc:"What it may do."`
	OnFailure string            `lua:"on_failure" enum:"pass|stop|unload" doc:"What is left of it when it fails."`
	Points    guest.Rules       `lua:"points" type:"table of points" doc:"What is otherwise at some extension points, by their names."`
	Options   config.Value      `lua:"options" doc:"Its own options."`
	Env       map[string]string `lua:"env" type:"table of strings" doc:"Its environment, beside what each process needs."`
}

const (
	defaultLimit  = 100 * time.Millisecond
	defaultWindow = 64
)

// find is the source of guests: the words in process_modules of any section.
func find(c *config.Config, word string) (module.Definition, bool) {
	return module.Define(word, module.OnHost, options{word: word}, load).OnComponents(), guest.Described(c, "process_modules", word)
}

// Check picks what is said of the one guest, and looks for its program.
func (o *options) Check(c *config.Check) {
	if o.word == "" {
		return
	}
	s, ok := o.Guests[o.word]
	o.Guests = nil
	at := func(key string) config.At { return c.At("process_modules." + o.word + key) }
	if !ok {
		at("").Errorf("nothing is said of %s here", o.word)
		return
	}
	if s.Limit == 0 {
		s.Limit = defaultLimit
	}
	if s.Window == 0 {
		s.Window = defaultWindow
	}
	guest.CheckDescription(at, o.word, s.Allow, s.Options)
	for name := range s.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.HasPrefix(name, "PLUGIN_") || name == modulepb.CookieKey {
			at(".env").Errorf("%q is no name for a variable of a plugin", name)
		}
	}
	if len(s.Command) == 0 {
		at("").Errorf("without a command")
		return
	}
	program, err := locate(c.Dir(), s.Command[0])
	if err != nil {
		at(".command").Errorf("%v", err)
		return
	}
	s.Command = append([]string{program}, s.Command[1:]...)
	o.spec, o.stamp = s, stamp(s.Command)
}

// locate finds a program: in the path, or at a path of its own, which may be
// relative to the config.
func locate(dir, name string) (string, error) {
	if strings.Contains(name, "/") && !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	file, err := exec.LookPath(name)
	if err != nil {
		return "", err
	}
	return filepath.Abs(file)
}

// stamp tells the files of a command from those that may have taken their
// place: the program, and a script among its arguments.
func stamp(command []string) string {
	var b strings.Builder
	for _, word := range command {
		if !filepath.IsAbs(word) {
			continue
		}
		if info, err := os.Stat(word); err == nil && info.Mode().IsRegular() {
			fmt.Fprintf(&b, "%s %d %d\n", word, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}
