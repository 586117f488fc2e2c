// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"tercet/config"
	"tercet/core/storage"
)

// Stores are the storage drivers of the server. A driver is opened when the
// first store asks for it and stays open until the server ends, whatever is
// reloaded meanwhile.
type Stores struct {
	mu      sync.Mutex // guards drivers and open
	drivers map[string]func() (storage.Driver, error)
	open    []openDriver
}

type openDriver struct {
	words []string
	storage.Driver
}

// defaultDriver keeps what the config gives to no other driver.
const defaultDriver = "sqlite"

// Register gives a driver its config words. Open is called at most once with
// success; to register the words again, as a reload does, changes nothing
// once the driver is open.
func (s *Stores) Register(open func() (storage.Driver, error), words ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drivers == nil {
		s.drivers = make(map[string]func() (storage.Driver, error))
	}
	once := func() (storage.Driver, error) {
		d, err := open()
		if err == nil {
			s.open = append(s.open, openDriver{words, d})
		}
		return d, err
	}
	for _, w := range words {
		s.drivers[w] = once
	}
}

// Driver finds the driver for a store (prosody-compat: option storage, a word
// or a table by store).
func (s *Stores) Driver(c *config.Config, host, store string) (storage.Driver, error) {
	return s.Open(s.word(c, host, store))
}

func (s *Stores) word(c *config.Config, host, store string) string {
	word := defaultDriver
	if v, ok := c.Lookup(host, "default_storage"); ok && v.Str() != "" {
		word = v.Str()
	}
	v, ok := c.Lookup(host, "storage")
	if !ok {
		return word
	}
	if v.Kind() == config.String {
		return v.Str()
	}
	for _, f := range v.Fields() {
		if f.Key == store {
			return f.Value.Str()
		}
	}
	return word
}

// Open returns the driver of a word.
func (s *Stores) Open(word string) (storage.Driver, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.open {
		if slices.Contains(d.words, word) {
			return d.Driver, nil
		}
	}
	open, ok := s.drivers[word]
	if !ok {
		return nil, fmt.Errorf("no storage driver %q; there are %s", word, strings.Join(slices.Sorted(maps.Keys(s.drivers)), ", "))
	}
	return open()
}

// All are the drivers that are open, by their first word.
func (s *Stores) All() map[string]storage.Driver {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]storage.Driver, len(s.open))
	for _, d := range s.open {
		all[d.words[0]] = d.Driver
	}
	return all
}

// Purge removes all that an account has stored on a host, in all drivers.
func (s *Stores) Purge(ctx context.Context, host, owner string) error {
	var errs []error
	for word, d := range s.All() {
		if err := d.Purge(ctx, host, owner); err != nil {
			errs = append(errs, fmt.Errorf("purge %s@%s from %s: %w", owner, host, word, err))
		}
	}
	return errors.Join(errs...)
}

// Close closes what is open.
func (s *Stores) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, d := range s.open {
		errs = append(errs, d.Close())
	}
	s.open = nil
	return errors.Join(errs...)
}
