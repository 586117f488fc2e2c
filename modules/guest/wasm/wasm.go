// SPDX-License-Identifier: Apache-2.0

// Package wasm runs guests in WebAssembly: modules in any language that can be
// compiled to it, each in a sandbox with bounds on its memory and its time.
package wasm

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tercet/config"
	"tercet/core/module"
	"tercet/modules/guest"
)

// Module finds the guests that the config describes. It does nothing else, and
// needs no place in modules_enabled: the guests do.
var Module = module.Define("wasm", module.OnHost, options{}, func(*module.Scope, options) error { return nil }).Finding(find)

type options struct {
	Guests map[string]spec `lua:"wasm_modules" type:"table of guests" doc:"Guests in WebAssembly by their config words: path, memory, limit, instances, allow, on_failure, options."`

	word string // of the guest; empty for Module itself
	spec spec
	sum  [sha256.Size]byte // of the file: another content is another guest
}

// A spec is what the config says of one guest.
type spec struct {
	Path      string        `lua:"path" doc:"The file."`
	Memory    config.Size   `lua:"memory" min:"65536" max:"1073741824" doc:"Most memory of an instance."`
	Limit     time.Duration `lua:"limit" min:"1ms" max:"10s" doc:"Most time for an event."`
	Instances int           `lua:"instances" min:"1" max:"64" doc:"Most instances."`
	Allow     []string      `lua:"allow" doc:"What it may do."`
	OnFailure string        `lua:"on_failure" enum:"pass|stop|unload" doc:"What is left of it when it fails."`
	Points    guest.Rules   `lua:"points" type:"table of points" doc:"What is otherwise at some extension points, by their names."`
	Options   config.Value  `lua:"options" doc:"Its own options."`
}

const (
	defaultMemory = 16 << 20
	defaultLimit  = 100 * time.Millisecond
	maxFile       = 64 << 20
)

// find is the source of guests: the words in wasm_modules of any section.
func find(c *config.Config, word string) (module.Definition, bool) {
	return module.Define(word, module.OnHost, options{word: word}, load).OnComponents(), guest.Described(c, "wasm_modules", word)
}

// Check picks what is said of the one guest, and reads its file.
func (o *options) Check(c *config.Check) {
	if o.word == "" {
		return
	}
	s, ok := o.Guests[o.word]
	o.Guests = nil
	at := func(key string) config.At { return c.At("wasm_modules." + o.word + key) }
	if !ok {
		at("").Errorf("nothing is said of %s here", o.word)
		return
	}
	if s.Memory == 0 {
		s.Memory = defaultMemory
	}
	if s.Limit == 0 {
		s.Limit = defaultLimit
	}
	guest.CheckDescription(at, o.word, s.Allow, s.Options)
	if s.Path == "" {
		at("").Errorf("without a path")
		return
	}
	if !filepath.IsAbs(s.Path) {
		s.Path = filepath.Join(c.Dir(), s.Path)
	}
	code, err := read(s.Path)
	if err != nil {
		at(".path").Errorf("%v", err)
		return
	}
	o.spec, o.sum = s, sha256.Sum256(code)
}

func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s is not a file of at most %d bytes", path, maxFile)
	}
	return os.ReadFile(path)
}
