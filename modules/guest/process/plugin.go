// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"tercet/core/ext"
	points "tercet/core/guest"
	"tercet/core/module"
	"tercet/modules/guest"
	"tercet/sdk/proto/modulepb"
)

// A plugin is one guest on one host: its process, or the next one.
type plugin struct {
	spec
	scope   *module.Scope
	guard   *guest.Guard
	grants  guest.Grants
	store   *guest.Store // nil unless granted
	memory  *guest.Memory
	output  *output
	over    chan struct{}    // closed when nothing of it is wanted any more
	dir     string           // its working directory
	sockets string           // where its sockets are
	told    []byte           // its options
	loaded  *modulepb.Loaded // what it has attached

	session atomic.Pointer[session] // nil while there is no process
}

// load is the load of a guest's module.
func load(s *module.Scope, o options) error {
	p := &plugin{
		spec: o.spec, scope: s, grants: o.spec.Allow, over: make(chan struct{}),
		guard: guest.NewGuard(s, guest.Policy(o.spec.OnFailure)), memory: guest.NewMemory(s),
	}
	p.output = newOutput(s.Context(), s.Log, p.over)
	if err := p.prepare(); err != nil {
		return err
	}
	s.Defer(p.close) // before the store is closed: newest first
	if err := p.folders(); err != nil {
		return err
	}
	first, loaded, err := p.start(s.Context())
	if err != nil {
		return fmt.Errorf("%s: %w", p.Command[0], err)
	}
	p.session.Store(first)
	if err := p.attach(loaded); err != nil {
		return fmt.Errorf("%s: %w", p.Command[0], err)
	}
	p.loaded = loaded
	p.measure(s.Context())
	s.Every(measureEvery, p.measure)
	s.Go(p.supervise)
	return nil
}

func (p *plugin) prepare() (err error) {
	told := guest.Plain(p.Options)
	if told == nil {
		told = map[string]any{}
	}
	if p.told, err = json.Marshal(told); err != nil {
		return err
	}
	if p.grants.Allow("store", "") {
		p.store, err = guest.OpenStore(p.scope, "process")
	}
	return err
}

// folders makes the guest's working directory, which is its own, and one for
// its sockets: their names must not be long.
func (p *plugin) folders() (err error) {
	dir := filepath.Join(p.scope.Env.DataDir, "process", p.scope.Name(), url.PathEscape(p.scope.Host.Name))
	if p.dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if err = os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	p.sockets, err = os.MkdirTemp("", "tercet-")
	return err
}

// What a guest may attach.
const (
	maxAttached = 1000
	maxName     = 512
	minPeriod   = 100 * time.Millisecond
)

// attach attaches what the first process asks for.
func (p *plugin) attach(l *modulepb.Loaded) error {
	if len(l.Hooks)+len(l.Adds)+len(l.Timers) > maxAttached {
		return fmt.Errorf("it asks for more than %d things", maxAttached)
	}
	for _, h := range l.Hooks {
		if err := p.attachHook(h.Handler, h.Name, h.Priority, h.Filter); err != nil {
			return err
		}
	}
	for _, a := range l.Adds {
		switch {
		case len(a.Name) > maxName:
			return errors.New("it asks for what has too long a name")
		case !p.grants.Allow("add", a.Name):
			return fmt.Errorf("it asks for add:%s, and was not given that", a.Name)
		}
		if err := points.Add(p.scope, a.Name, json.RawMessage(a.Value)); err != nil {
			return err
		}
	}
	for _, t := range l.Timers {
		period, handler, at := time.Duration(t.PeriodMs)*time.Millisecond, t.Handler, p.guard.Post("every", p.Limit, p.Points)
		if period < minPeriod {
			return fmt.Errorf("it asks for a timer of %v, less than %v", period, minPeriod)
		}
		p.scope.Every(period, func(ctx context.Context) {
			p.handle(ctx, handler, at, &points.Event{Value: struct{}{}})
		})
	}
	return nil
}

func (p *plugin) attachHook(handler uint32, name string, prio float64, filter string) error {
	switch {
	case len(name) > maxName || len(filter) > maxName:
		return errors.New("it asks for what has too long a name")
	case !p.grants.Allow("hook", name):
		return fmt.Errorf("it asks for hook:%s, and was not given that", name)
	case math.IsNaN(prio):
		return fmt.Errorf("hook %s: the priority is not a number", name)
	}
	at := p.guard.Post(name, p.Limit, p.Points)
	return points.Hook(p.scope, name, prio, filter, func(ctx context.Context, ev *points.Event) ext.Verdict {
		return p.handle(ctx, handler, at, ev)
	})
}

// handle has the guest handle an event.
func (p *plugin) handle(ctx context.Context, handler uint32, at *guest.Post, ev *points.Event) ext.Verdict {
	s := p.session.Load()
	if p.guard.Suspended() || s == nil {
		ext.MeterOf(p.scope).Error()
		return at.Verdict(ctx, ev)
	}
	body, err := encode(ev)
	if err != nil {
		at.Failed(ctx, err)
		return at.Verdict(ctx, ev)
	}
	a, err := s.ask(ctx, handler, body, at.Limit)
	switch {
	case errors.Is(err, errGone) || err != nil && ctx.Err() != nil:
		ext.MeterOf(p.scope).Error() // it is told once for all of them
		return at.Verdict(ctx, ev)
	case err != nil:
		at.Missed(ctx, err)
		return at.Verdict(ctx, ev)
	}
	out, verdict, err := p.effects(a, ev)
	if err != nil {
		at.Failed(ctx, err)
		return at.Verdict(ctx, ev)
	}
	p.guard.Succeeded()
	if out != nil {
		return out.Apply(ctx, at, verdict)
	}
	return verdict
}

// encode is the event as it crosses.
func encode(ev *points.Event) (body []byte, err error) {
	if ev.Route != nil {
		body = ev.Route.Stanza.AppendTo(make([]byte, 0, 512))
	} else if body, err = json.Marshal(ev.Value); err != nil {
		return nil, fmt.Errorf("write the event: %w", err)
	}
	if len(body) > maxEvent {
		return nil, fmt.Errorf("the event has %d bytes, more than %d", len(body), maxEvent)
	}
	return body, nil
}

// effects are what an answer asks for, if nothing of it is refused; nil: only
// the verdict.
func (p *plugin) effects(a *modulepb.Answer, ev *points.Event) (*guest.Effects, ext.Verdict, error) {
	verdict := ext.Next
	switch a.Verdict {
	case modulepb.Verdict_NEXT:
	case modulepb.Verdict_STOP:
		verdict = ext.Stop
	case modulepb.Verdict_FAILED:
		return nil, verdict, errors.New("it failed: " + cut(a.Error))
	default:
		return nil, verdict, fmt.Errorf("the verdict %d", a.Verdict)
	}
	if a.Reply == nil && a.Replace == nil && len(a.Sends) == 0 {
		return nil, verdict, nil
	}
	out := guest.NewEffects(p.scope, p.grants, ev)
	if a.Replace != nil {
		if err := out.Replace(a.Replace); err != nil {
			return nil, verdict, fmt.Errorf("replace: %w", err)
		}
	}
	for _, b := range a.Sends {
		if err := out.Send(b); err != nil {
			return nil, verdict, fmt.Errorf("send: %w", err)
		}
	}
	if a.Reply != nil {
		if err := out.Reply(a.Reply); err != nil {
			return nil, verdict, fmt.Errorf("reply: %w", err)
		}
	}
	return out, verdict, nil
}
