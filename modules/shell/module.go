// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"tercet/config"
	"tercet/core/module"
)

// attachModules sets the commands that load modules.
func (m *shell) attachModules(s *module.Scope) {
	Command.Set(s, "module list", Spec{Args: "[HOST]", Doc: "List the modules that are loaded.", Run: m.listModules})
	for _, v := range []struct {
		verb, doc, done string
		fn              func(context.Context, string, string) error
	}{
		{"load", "Load a module until the config is read again.", "loaded", m.env.Manager.Load},
		{"unload", "Unload a module until the config is read again.", "unloaded", m.env.Manager.Unload},
		{"reload", "Load a module anew, with those that need it.", "reloaded", m.env.Manager.Reload},
	} {
		Command.Set(s, "module "+v.verb, Spec{
			Args: "MODULE [HOST]", Doc: v.doc + " Without HOST: on all hosts.",
			Run: func(ctx context.Context, c *Call) error { return m.change(ctx, c, v.done, v.fn) },
		})
	}
}

func (m *shell) listModules(_ context.Context, c *Call) error {
	list := m.env.Manager.List()
	if name := c.Arg(0); name != "" {
		if m.env.Router.Host(name) == nil {
			return m.noHost(name)
		}
		list = slices.DeleteFunc(list, func(s module.Status) bool { return s.Host != name })
	}
	var rows [][]string
	for _, s := range list {
		host, since := s.Host, ""
		if host == "" {
			host = "(server)"
		}
		if !s.Loaded.IsZero() {
			since = s.Loaded.Format(time.DateTime)
		}
		rows = append(rows, []string{s.Name, host, s.State, since})
	}
	c.Table([]string{"MODULE", "HOST", "STATE", "SINCE"}, rows)
	return c.Result(list)
}

// change loads, unloads or reloads a module where it is wanted.
func (m *shell) change(ctx context.Context, c *Call, done string, fn func(context.Context, string, string) error) error {
	word := c.Arg(0)
	def, ok := m.env.Manager.Find(word)
	if !ok {
		text := fmt.Sprintf("there is no module %q", word)
		if near := config.Suggest(word, m.env.Manager.Catalogue().Words()); near != "" {
			text += fmt.Sprintf("; did you mean %s?", near)
		}
		return errors.New(text)
	}
	where, err := m.where(c.Arg(1), def, done)
	if err != nil {
		return err
	}
	changed := []string{}
	for _, host := range where {
		if err := fn(context.WithoutCancel(ctx), host, word); err != nil { // not half of it
			return err
		}
		at := def.Name
		if host != "" {
			at += " on " + host
		}
		changed = append(changed, at)
		c.Printf("%s: %s\n", done, at)
	}
	return c.Result(changed)
}

// where are the hosts on which a module is to be changed; "" is the server.
func (m *shell) where(host string, def module.Definition, done string) ([]string, error) {
	switch {
	case host != "":
		if m.env.Router.Host(host) == nil {
			return nil, m.noHost(host)
		}
		if def.Placement == module.OnServer {
			return nil, fmt.Errorf("module %s belongs on the server, not on a host", def.Name)
		}
		return []string{host}, nil
	case def.Placement == module.OnServer:
		return []string{""}, nil
	}
	loaded := make(map[string]bool)
	for _, s := range m.env.Manager.List() {
		loaded[s.Host] = loaded[s.Host] || (s.Name == def.Name && s.State != "closing")
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(m.env.Router.Hosts())) {
		if h := m.env.Router.Host(name); h != nil && !h.Component && loaded[name] == (done != "loaded") {
			list = append(list, name)
		}
	}
	if len(list) == 0 && done == "loaded" {
		return nil, fmt.Errorf("module %s is loaded on all hosts already", def.Name)
	} else if len(list) == 0 {
		return nil, fmt.Errorf("module %s is not loaded", def.Name)
	}
	return list, nil
}
