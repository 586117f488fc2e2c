// SPDX-License-Identifier: Apache-2.0

// Package module is how features are declared, loaded, reloaded and unloaded.
package module

import (
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"tercet/config"
)

// Placement says where a module lives.
type Placement uint8

// A module has one instance on each host that enables it, or one on the server.
const (
	OnHost Placement = iota
	OnServer
)

// A Definition is a module that this program has.
type Definition struct {
	Name      string
	Placement Placement

	aliases   []string
	requires  []string
	brings    func(c *config.Config, host string) []string // nil: none
	component bool
	auto      bool
	pkg       string // import path of load, as stacks have it
	fields    []config.Field
	defaults  any
	decode    func(c *config.Config, host string) (any, []config.Problem)
	load      func(s *Scope, options any) error
	find      Source
}

// A Source finds a module that is not compiled in by its config word, or
// reports false. It may be asked without any server, and before its own module
// is loaded: what it finds should require that.
type Source func(c *config.Config, word string) (Definition, bool)

// Define declares a module: its config word, where it lives, its options with
// their defaults, and what attaches it. Load only stages; what it attached
// goes live after it has returned nil.
func Define[O any](name string, on Placement, defaults O, load func(*Scope, O) error) Definition {
	where := runtime.FuncForPC(reflect.ValueOf(load).Pointer()).Name()
	slash := strings.LastIndexByte(where, '/') + 1
	pkg, _, _ := strings.Cut(where[slash:], ".")
	return Definition{
		Name: name, Placement: on, pkg: where[:slash] + pkg,
		fields: config.Schema(defaults), defaults: defaults,
		decode: func(c *config.Config, host string) (any, []config.Problem) {
			o := clone(defaults)
			problems := config.Decode(c, host, &o)
			return o, problems
		},
		load: func(s *Scope, options any) error { return load(s, options.(O)) }, //nolint:forcetypeassert // decode made it
	}
}

// clone copies the maps and lists that defaults share.
func clone[O any](o O) O {
	v := reflect.ValueOf(&o).Elem()
	if v.Kind() != reflect.Struct {
		return o
	}
	for _, f := range v.Fields() {
		if !f.CanSet() {
			continue
		}
		switch f.Kind() {
		case reflect.Slice:
			if !f.IsNil() {
				f.Set(reflect.AppendSlice(reflect.MakeSlice(f.Type(), 0, f.Len()), f))
			}
		case reflect.Map:
			if !f.IsNil() {
				m := reflect.MakeMap(f.Type())
				for _, k := range f.MapKeys() {
					m.SetMapIndex(k, f.MapIndex(k))
				}
				f.Set(m)
			}
		default:
		}
	}
	return o
}

// Requiring names modules that are loaded before this one, on the same host or
// on the server, and whose reload reloads it.
func (d Definition) Requiring(names ...string) Definition {
	d.requires = append(slices.Clip(d.requires), names...)
	return d
}

// Bringing has fn name modules, by the config, that are loaded before this one
// like those that it requires.
func (d Definition) Bringing(fn func(c *config.Config, host string) []string) Definition {
	d.brings = fn
	return d
}

// Named gives the module further config words, such as Prosody's.
func (d Definition) Named(aliases ...string) Definition {
	d.aliases = append(slices.Clip(d.aliases), aliases...)
	return d
}

// Auto has the module loaded wherever the config does not disable it.
func (d Definition) Auto() Definition {
	d.auto = true
	return d
}

// OnComponents has a module that is enabled globally loaded on components, too.
func (d Definition) OnComponents() Definition {
	d.component = true
	return d
}

// Finding gives the module, a runtime of guests, a Source.
func (d Definition) Finding(fn Source) Definition {
	d.find = fn
	return d
}

// Reading gives the module further options that it reads in its own way.
func (d Definition) Reading(names ...string) Definition {
	d.fields = slices.Clip(d.fields)
	for _, name := range names {
		d.fields = append(d.fields, config.Field{Name: name})
	}
	return d
}

// Aliases are the module's further config words.
func (d Definition) Aliases() []string { return d.aliases }

// Fields are its options.
func (d Definition) Fields() []config.Field { return d.fields }

// OptionsTable is the Markdown table of its options, for its README.
func (d Definition) OptionsTable() string { return config.OptionsTable(d.defaults) }

// A Catalogue is the modules of a program, by each of their words.
type Catalogue map[string]Definition

// NewCatalogue returns the catalogue of a list of modules.
func NewCatalogue(all []Definition) Catalogue {
	c := make(Catalogue, len(all))
	for _, d := range all {
		c[d.Name] = d
		for _, alias := range d.aliases {
			c[alias] = d
		}
	}
	return c
}

// For is the catalogue with all modules that a config mentions.
func (c Catalogue) For(cfg *config.Config) Catalogue { return c.With(cfg, mentioned(cfg)...) }

// With is the catalogue with the modules that sources find for these words, and
// for those that they need. What is compiled in is not looked for, but for what
// the config has in force_lua_modules. Without a config nothing is found.
func (c Catalogue) With(cfg *config.Config, asking ...string) Catalogue {
	if cfg == nil {
		return c
	}
	more, cloned := c, false
	forced := set(nil)
	asking = slices.Clone(asking)
	for _, n := range words(cfg.Global, "force_lua_modules") {
		forced.add(n)
		asking = append(asking, n.word) // another module may need it
	}
	asked := make(map[string]bool)
	for ; len(asking) > 0; asking = asking[1:] {
		word := asking[0]
		if _, ok := more[word]; ok && !forced.at[word] || word == "" || asked[word] {
			continue
		}
		asked[word] = true
		for _, runtime := range c.Words() {
			if find := c[runtime].find; find != nil {
				if d, ok := find(cfg, word); ok {
					if !cloned {
						more, cloned = maps.Clone(c), true
					}
					more[word] = d
					asking = append(asking, d.requires...)
					break
				}
			}
		}
	}
	return more
}

// Words are all words of the catalogue, in order.
func (c Catalogue) Words() []string { return slices.Sorted(maps.Keys(c)) }
