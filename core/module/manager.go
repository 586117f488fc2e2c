// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tercet/config"
	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/route"
)

// closeTime is how long a scope may take to let go of what it runs.
const closeTime = 30 * time.Second

// A Manager loads, reloads and unloads modules. What it changes goes live for
// each host by one swap.
type Manager struct {
	env *Env
	cat Catalogue

	mu        sync.Mutex // held for a change; guards instances and hosts
	instances map[key]*instance
	shown     atomic.Pointer[[]*instance] // the same, for who must not wait for a change
	hosts     map[string]*route.Host
	closing   sync.WaitGroup
	leaving   sync.Map // *Scope: being closed
	meters    meters
}

// An instance is a module that is loaded.
type instance struct {
	*want
	scope  *Scope
	parts  map[string]*Scope // of a server module, by host
	loaded time.Time
	order  int
}

// NewManager returns a manager of the modules of a program.
func NewManager(env *Env, cat Catalogue) *Manager {
	return &Manager{env: env, cat: cat, instances: make(map[key]*instance), hosts: make(map[string]*route.Host)}
}

// Catalogue is what the program has.
func (m *Manager) Catalogue() Catalogue { return m.cat }

// A Plan is what a new config changes.
type Plan struct {
	HostsAdded   []string         `json:"hosts_added"`
	HostsRemoved []string         `json:"hosts_removed"`
	Loaded       []string         `json:"loaded"`
	Reloaded     []string         `json:"reloaded"`
	Unloaded     []string         `json:"unloaded"`
	Problems     []config.Problem `json:"-"`
	// Listeners and sessions are found by comparing before and after.
	ListenersOpened []string `json:"listeners_opened"`
	ListenersClosed []string `json:"listeners_closed"`
	SessionsEnded   int      `json:"sessions_ended"`
}

// Check reads what a config asks for and reports its problems; it changes
// nothing.
func Check(cat Catalogue, c *config.Config) []config.Problem { return plan(cat, c).problems }

// ErrConfig says that the config has errors; nothing has changed.
var ErrConfig = errors.New("the config has errors")

// Apply brings the server to what the config asks for. On an error nothing has
// changed.
func (m *Manager) Apply(ctx context.Context, c *config.Config) (Plan, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ch, w, err := m.begin(c)
	if err != nil {
		return ch.plan, err
	}
	for _, inst := range w.list {
		if err := ch.stage(ctx, inst); err != nil {
			ch.abandon(ctx)
			return ch.plan, err
		}
	}
	if err := ch.commit(ctx, w); err != nil {
		ch.abandon(ctx)
		return ch.plan, err
	}
	return ch.plan, nil
}

// Preview is what Apply would change. It loads nothing: what fails only then,
// and which addresses will be listened on, it does not know.
func (m *Manager) Preview(c *config.Config) (Plan, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ch, w, err := m.begin(c)
	if err != nil {
		return ch.plan, err
	}
	for _, inst := range w.list {
		if old := m.instances[inst.key]; old != nil && ch.same(old, inst) {
			ch.kept[inst.key] = old
			continue
		}
		ch.fresh[inst.key] = &instance{want: inst}
		ch.note(inst)
	}
	ch.replaced()
	slices.Sort(ch.plan.Unloaded)
	for _, host := range ch.off() {
		ch.plan.SessionsEnded += host.Sessions.Len()
	}
	return ch.plan, nil
}

// begin reads what a config asks for.
func (m *Manager) begin(c *config.Config) (*change, *wanted, error) {
	w := plan(m.cat, c)
	ch := &change{m: m, config: c, hosts: make(map[string]*route.Host), fresh: make(map[key]*instance), kept: make(map[key]*instance)}
	ch.plan.Problems = w.problems
	if config.Failed(w.problems) {
		return ch, w, ErrConfig
	}
	return ch, w, ch.findHosts(c)
}

// A change is one transaction on the instances.
type change struct {
	m      *Manager
	config *config.Config
	hosts  map[string]*route.Host
	fresh  map[key]*instance // staged
	kept   map[key]*instance
	again  key // an instance to load anew though nothing has changed
	plan   Plan
}

func (ch *change) findHosts(c *config.Config) error {
	for _, h := range c.Hosts {
		if v, ok := h.Options["enabled"]; ok && v.Kind() == config.Bool && !v.Bool() {
			continue
		}
		if host, ok := ch.m.hosts[h.Name]; ok && host.Component == (h.Kind == config.Component) {
			ch.hosts[h.Name] = host
			continue
		}
		j, err := jid.New("", h.Name, "")
		if err != nil {
			return fmt.Errorf("%s: host %q: %w", h.Pos, h.Name, err)
		}
		ch.hosts[h.Name] = route.NewHost(ch.m.env.Router, j, h.Kind == config.Component, ch.m.env.Log.With("host", h.Name))
		ch.plan.HostsAdded = append(ch.plan.HostsAdded, h.Name)
	}
	for _, host := range ch.off() {
		ch.plan.HostsRemoved = append(ch.plan.HostsRemoved, host.Name)
	}
	slices.Sort(ch.plan.HostsRemoved)
	return nil
}

// stage keeps an instance as it is, or loads it anew.
func (ch *change) stage(ctx context.Context, w *want) error {
	old := ch.m.instances[w.key]
	if old != nil && ch.same(old, w) {
		kept := *old
		kept.want = w
		ch.kept[w.key] = &kept
		return ch.stageParts(ctx, &kept)
	}
	inst := &instance{want: w, parts: make(map[string]*Scope), loaded: time.Now(), order: len(ch.fresh)}
	inst.scope = ch.newScope(ctx, w, w.host)
	ch.fresh[w.key] = inst
	if err := w.def.load(inst.scope, w.options); err != nil {
		return fmt.Errorf("load module %s%s: %w", w.name, on(w.host), err)
	}
	ch.note(w)
	return ch.stageParts(ctx, inst)
}

// note has the plan tell that an instance is loaded.
func (ch *change) note(w *want) {
	list := &ch.plan.Loaded
	if ch.m.instances[w.key] != nil {
		list = &ch.plan.Reloaded
	}
	*list = append(*list, w.name+on(w.host))
}

// off are the hosts that are no longer served.
func (ch *change) off() (off []*route.Host) {
	for name, host := range ch.m.hosts {
		if ch.hosts[name] != host {
			off = append(off, host)
		}
	}
	return off
}

func on(host string) string {
	if host == "" {
		return ""
	}
	return " on " + host
}

// same reports whether an instance may stay: its options, what it needs and
// its host are what they were.
func (ch *change) same(old *instance, w *want) bool {
	if w.key == ch.again || !reflect.DeepEqual(old.options, w.options) || (w.host != "" && ch.hosts[w.host] != ch.m.hosts[w.host]) {
		return false
	}
	if w.host == "" && len(old.scope.parts) == 0 && !slices.Equal(old.hosts, w.hosts) {
		return false
	}
	return !slices.ContainsFunc(w.needs, func(k key) bool { return ch.fresh[k] != nil })
}

// stageParts attaches a server module's parts on the hosts that do not have
// them yet.
func (ch *change) stageParts(ctx context.Context, inst *instance) error {
	if inst.host != "" || len(inst.scope.parts) == 0 {
		return nil
	}
	old := inst.parts
	inst.parts = make(map[string]*Scope)
	for _, name := range inst.hosts {
		if part, ok := old[name]; ok && ch.hosts[name] == ch.m.hosts[name] {
			inst.parts[name] = part
			continue
		}
		part := ch.newScope(ctx, inst.want, name)
		inst.parts[name] = part
		for _, fn := range inst.scope.parts {
			if err := fn(part); err != nil {
				return fmt.Errorf("load module %s on %s: %w", inst.name, name, err)
			}
		}
	}
	return nil
}

func (ch *change) newScope(ctx context.Context, w *want, host string) *Scope {
	table, log := ch.m.env.Router.Table, ch.m.env.Log
	var h *route.Host
	if host != "" {
		h = ch.hosts[host]
		table, log = h.Table, h.Log
	}
	s := ext.NewScope(context.WithoutCancel(ctx), w.name, table)
	s.Feed(ch.m.meter(w.name))
	return &Scope{
		Scope: s,
		Host:  h, Env: ch.m.env, Log: log.With("module", w.name), config: ch.config,
	}
}

// swaps lists which scope takes the place of which.
func (ch *change) swaps(w *wanted) []ext.Change {
	var all []ext.Change
	add := func(was, is *Scope) {
		if was == is {
			return
		}
		var c ext.Change
		if was != nil {
			c.Old = was.Scope
		}
		if is != nil {
			c.New = is.Scope
		}
		all = append(all, c)
	}
	for _, want := range w.list {
		old, now := ch.m.instances[want.key], ch.now(want.key)
		if old != nil && sameHost(ch, want.host) {
			add(old.scope, now.scope)
		} else {
			add(nil, now.scope)
		}
		for host, part := range now.parts {
			var was *Scope
			if old != nil && sameHost(ch, host) {
				was = old.parts[host]
			}
			add(was, part)
		}
	}
	for k, old := range ch.m.instances {
		now := ch.now(k)
		if now == nil && sameHost(ch, k.host) {
			add(old.scope, nil)
		}
		for host, part := range old.parts {
			if sameHost(ch, host) && (now == nil || now.parts[host] == nil) {
				add(part, nil)
			}
		}
	}
	return all
}

func sameHost(ch *change, host string) bool {
	return host == "" || (ch.hosts[host] != nil && ch.hosts[host] == ch.m.hosts[host])
}

func (ch *change) now(k key) *instance {
	if inst, ok := ch.fresh[k]; ok {
		return inst
	}
	return ch.kept[k]
}

// commit makes all that is staged live. New hosts appear once their modules
// are there.
func (ch *change) commit(ctx context.Context, w *wanted) error {
	m := ch.m
	// Listeners accept as soon as they are live, so the hosts are there before.
	all := maps.Clone(m.hosts)
	maps.Copy(all, ch.hosts)
	m.env.Router.SetHosts(all)
	if err := ext.SwapAll(ch.swaps(w)); err != nil {
		m.env.Router.SetHosts(maps.Clone(m.hosts))
		return err
	}
	gone := ch.replaced()
	m.env.Use(ch.config)
	off := ch.off()
	for _, host := range off {
		ch.plan.SessionsEnded += host.Sessions.Len()
	}
	m.hosts = ch.hosts
	m.env.Router.SetHosts(maps.Clone(ch.hosts))
	m.watch(0)
	m.instances = make(map[key]*instance, len(w.list))
	for i, want := range w.list {
		inst := ch.now(want.key)
		inst.order = i
		m.instances[want.key] = inst
	}
	m.show()
	slices.Sort(ch.plan.Unloaded)
	m.retire(ctx, gone, off)
	return nil
}

// replaced collects the scopes that no longer have a place, newest first.
func (ch *change) replaced() []*Scope {
	var gone []*Scope
	list := slices.SortedFunc(maps.Values(ch.m.instances), func(a, b *instance) int { return b.order - a.order })
	for _, old := range list {
		now := ch.now(old.key)
		if now == nil {
			ch.plan.Unloaded = append(ch.plan.Unloaded, old.name+on(old.host))
		}
		for host, part := range old.parts {
			if now == nil || now.parts[host] != part {
				gone = append(gone, part)
			}
		}
		if now == nil || now.scope != old.scope {
			gone = append(gone, old.scope)
		}
	}
	return gone
}

// retire ends hosts and then closes scopes, in the background: a reload may
// come from a handler of the very module that goes.
func (m *Manager) retire(ctx context.Context, gone []*Scope, off []*route.Host) {
	if len(gone)+len(off) == 0 {
		return
	}
	for _, s := range gone {
		m.leaving.Store(s, s.Name())
	}
	m.closing.Go(func() {
		for _, h := range off {
			deactivate(context.WithoutCancel(ctx), h)
		}
		for _, s := range gone {
			m.close(context.WithoutCancel(ctx), s)
		}
	})
}

func (m *Manager) close(ctx context.Context, s *Scope) {
	ctx, cancel := context.WithTimeout(ctx, closeTime)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		s.Log.ErrorContext(ctx, "module did not end in order", "err", err)
	}
	m.leaving.Delete(s)
}

// abandon closes what was staged, newest first.
func (ch *change) abandon(ctx context.Context) {
	for _, inst := range slices.SortedFunc(maps.Values(ch.fresh), func(a, b *instance) int { return b.order - a.order }) {
		for _, part := range inst.parts {
			ch.m.close(ctx, part)
		}
		ch.m.close(ctx, inst.scope)
		delete(ch.fresh, inst.key)
	}
	for k, inst := range ch.kept {
		for host, part := range inst.parts {
			if old := ch.m.instances[k]; old == nil || old.parts[host] != part {
				ch.m.close(ctx, part)
			}
		}
	}
	ch.plan = Plan{Problems: ch.plan.Problems}
}
