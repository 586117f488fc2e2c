// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"tercet/config"
	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/listen"
	"tercet/core/logging"
	"tercet/core/metric"
	"tercet/core/route"
	"tercet/core/slot"
	"tercet/core/storage"
	"tercet/core/stream"
	"tercet/core/tlspolicy"
)

// An Env is the server as modules see it.
type Env struct {
	slot.Set // for what modules keep beside the hosts, over a reload

	Router    *route.Router
	Listeners *listen.Registry
	Metrics   *metric.Registry
	Logger    *logging.Logger
	Log       *slog.Logger
	DataDir   string
	Version   string
	Started   time.Time
	Manager   *Manager
	Storage   *Stores
	Streams   *stream.Group
	TLS       *tlspolicy.Policy
	Control   Control

	config atomic.Pointer[config.Config]
}

// Control is what a module may ask of the program itself.
type Control interface {
	// Reload reads the config again. It reports the plan and applies it; with
	// an error in the config nothing changes.
	Reload(ctx context.Context) (Plan, error)
	// Preview reads the config, too, and reports the plan only.
	Preview() (Plan, error)
	// Stop ends the server in order and does not wait.
	Stop(reason string)
	// AtEnd has fn run when the server has ended.
	AtEnd(fn func())
}

// Reloaded is fired on the server once another config is in force.
var Reloaded = ext.NewHook[ReloadEvent]("config-reloaded")

// A ReloadEvent is a config that has taken the place of another.
type ReloadEvent struct{ Config *config.Config }

// Config is the config in force.
func (e *Env) Config() *config.Config { return e.config.Load() }

// Use replaces the config in force.
func (e *Env) Use(c *config.Config) { e.config.Store(c) }

// A Scope is the life of one instance of a module, on one host or on the
// server. All that it attaches goes when it ends.
type Scope struct {
	*ext.Scope
	Host *route.Host // nil for a server module
	Env  *Env
	Log  *slog.Logger

	config    *config.Config // the one that the instance is loaded from
	parts     []hostPart
	suspended atomic.Bool
}

// Suspend has an admin see that the instance, a guest, is called no more.
func (s *Scope) Suspend() { s.suspended.Store(true) }

// Resume takes a Suspend back.
func (s *Scope) Resume() { s.suspended.Store(false) }

// Suspended reports whether the module is called no more until it is loaded
// anew.
func (s *Scope) Suspended() bool { return s.suspended.Load() }

// A hostPart is what a server module does on each host that enables it.
type hostPart func(*Scope) error

// EachHost has fn attach the server module's part on each host that enables
// it, now or after a reload.
func (s *Scope) EachHost(fn func(*Scope) error) { s.parts = append(s.parts, fn) }

// Config is the config that the instance is loaded from.
func (s *Scope) Config() *config.Config { return s.config }

// KeyValue opens a key-value store of the host by its name.
func (s *Scope) KeyValue(name string) (storage.KeyValue, error) {
	d, err := s.driver(name)
	if err != nil {
		return nil, err
	}
	return d.KeyValue(s.hostName(), name)
}

// Map opens a map store of the host by its name.
func (s *Scope) Map(name string) (storage.Map, error) {
	d, err := s.driver(name)
	if err != nil {
		return nil, err
	}
	return d.Map(s.hostName(), name)
}

// Archive opens an archive of the host by its name.
func (s *Scope) Archive(name string) (storage.Archive, error) {
	d, err := s.driver(name)
	if err != nil {
		return nil, err
	}
	return d.Archive(s.hostName(), name)
}

func (s *Scope) hostName() string {
	if s.Host == nil {
		return ""
	}
	return s.Host.Name
}

func (s *Scope) driver(store string) (storage.Driver, error) {
	d, err := s.Env.Storage.Driver(s.config, s.hostName(), store)
	if err != nil {
		return nil, fmt.Errorf("open store %s of %s: %w", store, s.hostName(), err)
	}
	return d, nil
}

// Admins are the bare JIDs that the config in force names as admins of the
// host; during load, those of the config that is being loaded.
func (s *Scope) Admins() map[jid.JID]bool {
	if s.Live() {
		return admins(s.Env.Config(), s.hostName())
	}
	return admins(s.config, s.hostName())
}

func admins(c *config.Config, host string) map[jid.JID]bool {
	all := make(map[jid.JID]bool)
	for _, at := range [...]string{"", host} {
		section := c.Global
		if at != "" {
			section = c.Section(at)
		}
		if section == nil {
			continue
		}
		for _, v := range section.Options["admins"].List() {
			if j, err := jid.Parse(v.Str()); err == nil {
				all[j.Bare()] = true
			}
		}
	}
	return all
}
