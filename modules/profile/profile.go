// SPDX-License-Identifier: Apache-2.0

// Package profile shows where the running server spends its time and memory:
// profiles for Go's tools, and what each module costs.
package profile

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"tercet/config"
	"tercet/core/module"
	"tercet/modules/shell"
)

// Module brings the commands "profile" and "module top".
var Module = module.Define("profile", module.OnServer, struct{}{}, load).Auto()

func load(s *module.Scope, _ struct{}) error {
	m := &profile{s}
	var words []string
	for _, k := range kinds {
		words = append(words, k.name)
	}
	shell.Command.Set(s, "profile", shell.Spec{
		Args: strings.Join(words, "|"), Doc: "Take a profile of the running server, into a file here.",
		Flags: []shell.Flag{
			{Name: "seconds", Value: "N", Doc: "How long it is taken; heap, goroutine and allocs: how long to wait before."},
			{Name: "output", Value: "FILE", Doc: "The file, which is not there yet; - is standard output."},
			{Name: "gc", Doc: "Collect garbage first, for heap and allocs."},
		},
		Run: m.held(m.profile),
	})
	shell.Command.Set(s, "module top", shell.Spec{
		Doc:   "Count and time all events for some seconds, and list the modules by what they cost.",
		Flags: []shell.Flag{{Name: "seconds", Value: "N", Doc: "How long; 5 if it is not said."}},
		Run:   m.held(m.top),
	})
	return nil
}

type profile struct{ scope *module.Scope }

// held ends a command when this module goes, and has that wait for the end.
func (m *profile) held(fn func(context.Context, *shell.Call) error) func(context.Context, *shell.Call) error {
	return func(ctx context.Context, c *shell.Call) error {
		defer m.scope.Hold()()
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(m.scope.Context(), func() { cancel(errUnloaded) })() //nolint:contextcheck // the end of the module, not of the client
		if m.scope.Context().Err() != nil {
			return errUnloaded
		}
		return fn(ctx, c)
	}
}

var errUnloaded = errors.New("the module profile was unloaded meanwhile")

// seconds reads --seconds.
func seconds(c *shell.Call, without, least, most int) (int, error) {
	word, given := c.Flag("seconds")
	if !given {
		return without, nil
	}
	n, err := strconv.Atoi(word)
	if err != nil || n < least || n > most {
		return 0, shell.Usagef("--seconds is a number from %d to %d, not %q", least, most, word)
	}
	return n, nil
}

// wait tells the client of each second. Full ends it early.
func wait(ctx context.Context, c *shell.Call, what string, n int, full <-chan struct{}) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for done := range n {
		c.Progress(what, done, n)
		select {
		case <-tick.C:
		case <-full:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// A taking is a profile that is being taken. The runtime has one of each kind
// for the whole process, and two at a time disturb each other.
type taking struct {
	kind string
	ends time.Time
}

var current atomic.Pointer[taking]

func (t *taking) begin() error {
	if current.CompareAndSwap(nil, t) {
		return nil
	}
	text := "another profile is being taken"
	if other := current.Load(); other != nil {
		text = fmt.Sprintf("a profile is being taken already, %s, for %s more", other.kind, max(0, time.Until(other.ends)).Round(time.Second))
	}
	return errors.New(text + ": try again later")
}

func (t *taking) end() { current.CompareAndSwap(t, nil) }

type result struct {
	Kind    string  `json:"kind"`
	File    string  `json:"file"`
	Seconds float64 `json:"seconds"`
	Bytes   int64   `json:"bytes"`
}

func (m *profile) profile(ctx context.Context, c *shell.Call) error {
	k, err := find(c.Arg(0))
	if err != nil {
		return err
	}
	n, err := seconds(c, k.without, k.least, k.most)
	if err != nil {
		return err
	}
	_, gc := c.Flag("gc")
	if gc && !k.heap {
		return shell.Usagef("--gc is for heap and allocs")
	}
	t := &taking{k.name, time.Now().Add(time.Duration(n) * time.Second)}
	if err := t.begin(); err != nil {
		return err
	}
	defer t.end()
	began := time.Now()
	file, err := c.File(fmt.Sprintf("profile-%s-%s%s", k.name, began.Format("20060102-150405"), k.ending))
	if err != nil {
		return err
	}
	w := newSink(file)
	m.scope.Log.InfoContext(ctx, "a profile is taken", "kind", k.name, "seconds", n)
	err = k.take(w, gc, func() error { return wait(ctx, c, k.name+" profile, seconds", n, w.full) })
	if err = errors.Join(err, w.Flush()); err != nil {
		return fmt.Errorf("profile %s: %w", k.name, err)
	}
	r := result{k.name, file.Name, time.Since(began).Seconds(), w.bytes()}
	if w.early() {
		c.Warnf("ended after %.0f seconds: more than %s were written", r.Seconds, config.Size(mostBytes))
	}
	if file.Name != "-" {
		c.Printf("written: %s, %s\nlook at it by: go tool %s %s\n", r.File, config.Size(r.Bytes), k.tool, r.File)
	}
	return c.Result(r)
}
