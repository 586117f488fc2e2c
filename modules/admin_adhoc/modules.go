// SPDX-License-Identifier: Apache-2.0

package admin_adhoc

import (
	"context"
	"maps"
	"slices"

	"tercet/core/form"
	"tercet/core/module"
	"tercet/modules/adhoc"
)

// A change loads, unloads or reloads a module on a host; "" is the server.
type change func(ctx context.Context, host, word string) error

// setModules sets the commands for modules. What they change holds until the
// config is read again.
func (m *admin) setModules() {
	m.set(nsModules+"#list", "List loaded modules", adhoc.Admin, m.listModules)
	mgr := m.Env.Manager
	m.setAsking(nsModules+"#load", "Load module", adhoc.Admin, askWord(nsModules+"#load", "Load module", "Specify the module to be loaded", "Module to be loaded:"),
		func(ctx context.Context, _ *adhoc.Call, given form.Values) (adhoc.Reply, error) {
			return told(ctx, mgr.Load, []string{m.Host.Name}, given["module"], "The following modules were successfully loaded:", "The following modules could not be loaded:"), nil
		})
	m.setAsking(nsModules+"#global-load", "Globally load module", adhoc.GlobalAdmin,
		askWord(nsModules+"#global-load", "Globally load module", "Specify the module to be loaded on all hosts", "Module to globally load:"),
		func(ctx context.Context, _ *adhoc.Call, given form.Values) (adhoc.Reply, error) {
			hosts := slices.Sorted(maps.Keys(m.Env.Router.Hosts()))
			if def, ok := mgr.Find(given.Get("module")); ok && def.Placement == module.OnServer {
				hosts = []string{""}
			}
			return told(ctx, mgr.Load, hosts, given["module"], "The module was successfully loaded:", "The module could not be loaded:"), nil
		})
	for _, v := range [...]struct {
		verb, title, done string
		fn                change
	}{{"reload", "Reload", "reloaded", mgr.Reload}, {"unload", "Unload", "unloaded", mgr.Unload}} {
		node := nsModules + "#" + v.verb
		m.setAsking(node, v.title+" modules", adhoc.Admin, func(context.Context, *adhoc.Call) (form.Form, error) {
			return form.Form{
				Type: node, Title: v.title + " modules", Instructions: "Select the modules to be " + v.done,
				Fields: []form.Field{{
					Name: "modules", Kind: form.ListMulti, Required: true, Label: "Modules to be " + v.done + ":",
					Options: form.Options(m.words(func(host string) bool { return host == m.Host.Name })...),
				}},
			}, nil
		}, func(ctx context.Context, _ *adhoc.Call, given form.Values) (adhoc.Reply, error) {
			return told(ctx, v.fn, []string{m.Host.Name}, given["modules"],
				"The following modules were successfully "+v.done+":", "The following modules could not be "+v.done+":"), nil
		})
		m.setGlobal(v.verb, v.done, v.fn)
	}
}

// setGlobal sets a command that changes a module wherever it is loaded.
func (m *admin) setGlobal(verb, done string, fn change) {
	node := nsModules + "#global-" + verb
	m.setAsking(node, "Globally "+verb+" module", adhoc.GlobalAdmin, func(context.Context, *adhoc.Call) (form.Form, error) {
		return form.Form{
			Type: node, Title: "Globally " + verb + " module", Instructions: "Specify a module to " + verb + " on all hosts",
			Fields: []form.Field{{
				Name: "module", Kind: form.ListSingle, Required: true, Label: "Module to globally " + verb + ":",
				Options: form.Options(m.words(func(string) bool { return true })...),
			}},
		}, nil
	}, func(ctx context.Context, _ *adhoc.Call, given form.Values) (adhoc.Reply, error) {
		word := given.Get("module")
		var hosts []string
		for _, s := range m.Env.Manager.List() {
			if s.Name == word && s.State != "closing" {
				hosts = append(hosts, s.Host)
			}
		}
		return told(ctx, fn, hosts, given["module"], "The module was successfully "+done+":", "The module could not be "+done+":"), nil
	})
}

// askWord asks for the config word of a module.
func askWord(node, title, instructions, label string) func(context.Context, *adhoc.Call) (form.Form, error) {
	return adhoc.Fixed(form.Form{
		Type: node, Title: title, Instructions: instructions,
		Fields: []form.Field{{Name: "module", Required: true, Label: label}},
	})
}

// words are the names of the modules that are loaded where where holds.
func (m *admin) words(where func(host string) bool) []string {
	var all []string
	for _, s := range m.Env.Manager.List() {
		if where(s.Host) && s.State != "closing" {
			all = append(all, s.Name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// told changes modules on hosts and tells what became of it.
func told(ctx context.Context, fn change, hosts, words []string, done, not string) adhoc.Reply {
	var o outcome
	for _, word := range words {
		for _, host := range hosts {
			what := word + " on " + host
			if host == "" {
				what = word + " on the server"
			}
			o.add(what, fn(ctx, host, word))
		}
	}
	if o.done == nil && o.not == nil {
		return adhoc.Failed("The module is not loaded anywhere")
	}
	return o.reply(done, not)
}

func (m *admin) listModules(context.Context, *adhoc.Call) (adhoc.Reply, error) {
	f := form.Form{
		Type: nsModules + "#list", Title: "List of loaded modules",
		Fields: []form.Field{{Name: "modules", Kind: form.TextMulti, Label: "The following modules are loaded:"}},
	}
	return adhoc.Show(f.Result(form.Values{"modules": m.words(func(host string) bool { return host == m.Host.Name })})), nil
}
