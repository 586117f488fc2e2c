// SPDX-License-Identifier: Apache-2.0

package module

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"tercet/core/ext"
	"tercet/core/route"
	"tercet/core/stream"
)

// ErrUnknown says that there is no such module, or that it is not loaded.
var ErrUnknown = errors.New("no such module")

// A Status is what an admin sees of an instance.
type Status struct {
	Name   string    `json:"name"`
	Host   string    `json:"host"` // empty: on the server
	State  string    `json:"state"`
	Loaded time.Time `json:"loaded"`
}

// show has List see what has changed.
func (m *Manager) show() {
	list := slices.Collect(maps.Values(m.instances))
	m.shown.Store(&list)
}

// List returns all instances, and those that are still closing. It does not
// wait for a change that is under way.
func (m *Manager) List() []Status {
	var all []Status
	var list []*instance
	if shown := m.shown.Load(); shown != nil {
		list = *shown
	}
	for _, inst := range list {
		state := "loaded"
		if inst.scope.suspended.Load() {
			state = "suspended"
		}
		all = append(all, Status{inst.name, inst.host, state, inst.loaded})
	}
	m.leaving.Range(func(s, _ any) bool {
		scope := s.(*Scope) //nolint:forcetypeassert // retire stores nothing else
		all = append(all, Status{Name: scope.Name(), Host: scope.hostName(), State: "closing"})
		return true
	})
	slices.SortFunc(all, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Name, b.Name), cmp.Compare(a.State, b.State))
	})
	return all
}

// Find is the module of a config word: one of the program's, or one that a
// source finds.
func (m *Manager) Find(word string) (Definition, bool) {
	d, ok := m.cat.With(m.env.Config(), word)[word]
	return d, ok
}

// Load loads a module on a host ("" for a server module) until the next reload
// of the config.
func (m *Manager) Load(ctx context.Context, host, word string) error {
	return m.edit(ctx, host, word, func(def Definition, w *wanted, loaded bool) error {
		if loaded {
			return fmt.Errorf("%s is loaded already", def.Name)
		}
		cat := m.cat.With(m.env.Config(), word)
		inst := w.add(cat, m.env.Config(), host, def, m.env.Config().Global.Pos)
		if def.Placement == OnServer {
			inst.hosts = slices.Sorted(maps.Keys(m.hosts))
		}
		return firstError(w)
	}, false)
}

// Unload takes a module away until the next reload of the config.
func (m *Manager) Unload(ctx context.Context, host, word string) error {
	return m.edit(ctx, host, word, func(def Definition, w *wanted, loaded bool) error {
		if !loaded {
			return fmt.Errorf("%w: %s is not loaded%s", ErrUnknown, def.Name, on(host))
		}
		k := key{host, def.Name}
		for _, other := range w.list {
			if slices.Contains(other.needs, k) {
				return fmt.Errorf("%s%s needs it", other.name, on(other.host))
			}
		}
		delete(w.byKey, k)
		w.list = slices.DeleteFunc(w.list, func(i *want) bool { return i.key == k })
		return nil
	}, false)
}

// Reload loads a module anew, and those that need it.
func (m *Manager) Reload(ctx context.Context, host, word string) error {
	return m.edit(ctx, host, word, func(def Definition, _ *wanted, loaded bool) error {
		if !loaded {
			return fmt.Errorf("%w: %s is not loaded%s", ErrUnknown, def.Name, on(host))
		}
		return nil
	}, true)
}

// edit changes what is wanted now; anew loads the named instance anew. It waits
// for a change under way.
func (m *Manager) edit(ctx context.Context, host, word string, fn func(Definition, *wanted, bool) error, anew bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.env.Config() == nil {
		return errors.New("no config is in force")
	}
	def, ok := m.Find(word)
	if !ok {
		return fmt.Errorf("%w: %q", ErrUnknown, word)
	}
	if _, known := m.hosts[host]; host != "" && !known {
		return fmt.Errorf("no host %q", host)
	}
	if (def.Placement == OnServer) != (host == "") {
		return fmt.Errorf("module %s belongs on %s", def.Name, [...]string{"a host", "the server"}[def.Placement])
	}
	w := &wanted{byKey: make(map[key]*want)}
	for _, inst := range slices.SortedFunc(maps.Values(m.instances), func(a, b *instance) int { return a.order - b.order }) {
		w.list = append(w.list, inst.want)
		w.byKey[inst.key] = inst.want
	}
	if err := fn(def, w, w.byKey[key{host, def.Name}] != nil); err != nil {
		return err
	}
	ch := &change{m: m, config: m.env.Config(), hosts: m.hosts, fresh: make(map[key]*instance), kept: make(map[key]*instance)}
	if anew {
		ch.again = key{host, def.Name}
	}
	for _, inst := range w.list {
		if err := ch.stage(ctx, inst); err != nil {
			ch.abandon(ctx)
			return err
		}
	}
	if err := ch.commit(ctx, w); err != nil {
		ch.abandon(ctx)
		return err
	}
	return nil
}

func firstError(w *wanted) error {
	for _, p := range w.problems {
		if p.Severity != 0 {
			return errors.New(p.String())
		}
	}
	return nil
}

// Close unloads everything, last loaded first, and waits.
func (m *Manager) Close(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := slices.SortedFunc(maps.Values(m.instances), func(a, b *instance) int { return b.order - a.order })
	for _, inst := range list {
		for _, part := range inst.parts {
			m.close(ctx, part)
		}
		m.close(ctx, inst.scope)
	}
	m.instances = make(map[key]*instance)
	m.show()
	m.closing.Wait()
}

// hostTime is how long the streams of a host that is no longer served may take
// to end.
const hostTime = 5 * time.Second

// deactivate ends the sessions of a host that is no longer served, and waits:
// its modules shall see them end.
func deactivate(ctx context.Context, h *route.Host) {
	gone := stream.Fail(stream.HostGone, "")
	for s := range h.Sessions.All() {
		if st := s.Stream(); st != nil {
			st.End(gone)
		} else {
			h.Unbind(ctx, s, gone) // it waited to be resumed
		}
	}
	ctx, cancel := context.WithTimeout(ctx, hostTime)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for h.Sessions.Len() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Points lists what a module has attached, for tests and the control tool.
func (m *Manager) Points(host, word string) []ext.Attachment {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.env.Router.Table
	if h, ok := m.hosts[host]; ok {
		t = h.Table
	}
	def, _ := m.Find(word)
	return slices.DeleteFunc(t.Describe(), func(a ext.Attachment) bool { return a.Owner != def.Name })
}
