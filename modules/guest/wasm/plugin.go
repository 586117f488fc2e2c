// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"tercet/core/ext"
	points "tercet/core/guest"
	"tercet/core/module"
	"tercet/modules/guest"
)

// loadLimit is how long a guest may take to be made and to load.
const loadLimit = 10 * time.Second

// pageSize is WebAssembly's unit of memory.
const pageSize = 65536

// A plugin is one guest on one host: its code, and instances of it.
type plugin struct {
	spec
	holder
	ctx     context.Context //nolint:containedctx // the module's life, as the scope has it
	scope   *module.Scope   // nil in a dry run, which handles no event
	guard   *guest.Guard
	grants  guest.Grants
	options map[string]json.RawMessage
	store   *guest.Store // nil unless granted
	http    *fetcher

	cache   *codeCache
	runtime wazero.Runtime
	code    wazero.CompiledModule
	seats   int            // most instances
	free    chan *instance // those that are not at work
	memory  atomic.Int64   // of all instances

	// What the first instance has asked for in its load. The others ask for
	// the same, and are told the same numbers. Fixed after the first load.
	asked  []request
	answer int // the handler of HTTP responses; -1: none

	answered *guest.Post // where these come

	mu    sync.Mutex // guards what follows
	count int        // instances that are, or are being made
	ended bool
}

// A request is one call of hook, add or every.
type request struct {
	verb, name, detail string
	number             float64
}

// A holder is what a guest attaches to: a scope, or a notebook in a dry run.
type holder interface {
	hook(name string, prio float64, filter string, fn points.Handler) error
	add(name string, value json.RawMessage) error
	every(period time.Duration, fn func(context.Context))
	holds(bytes int64) // of memory, in all instances
	says(ctx context.Context, level slog.Level, text string)
	reads(option string)
}

// attached is the holder of a live guest.
type attached struct {
	scope  *module.Scope
	memory *guest.Memory
}

func (a attached) hook(name string, prio float64, filter string, fn points.Handler) error {
	return points.Hook(a.scope, name, prio, filter, fn)
}

func (a attached) add(name string, value json.RawMessage) error {
	return points.Add(a.scope, name, value)
}

func (a attached) every(period time.Duration, fn func(context.Context)) { a.scope.Every(period, fn) }

func (a attached) holds(bytes int64) { a.memory.Set(bytes) }

func (a attached) says(ctx context.Context, level slog.Level, text string) {
	a.scope.Log.Log(ctx, level, "guest says", "text", text)
}

func (attached) reads(string) {}

// load is the load of a guest's module.
func load(s *module.Scope, o options) error {
	p := &plugin{
		spec: o.spec, holder: attached{s, guest.NewMemory(s)}, ctx: s.Context(), scope: s, grants: o.spec.Allow, answer: -1,
		guard: guest.NewGuard(s, guest.Policy(o.spec.OnFailure)),
	}
	err := p.prepare()
	if err != nil {
		return err
	}
	s.Defer(p.close)
	if p.cache, err = openCache(filepath.Join(s.Env.DataDir, "wasm"), s.Env.Version, o.sum); err != nil {
		s.Log.WarnContext(s.Context(), "compiled guests are not kept", "err", err)
		p.cache = unkept()
	}
	if err := p.compile(s.Context()); err != nil {
		return fmt.Errorf("%s: %w", p.Path, err)
	}
	first, err := p.instantiate(true)
	if err != nil {
		return fmt.Errorf("%s: %w", p.Path, err)
	}
	if p.seats = p.Instances; p.seats == 0 {
		p.seats = max(2, runtime.GOMAXPROCS(0))
		if first.size() > 1<<20 {
			p.seats = 2
		}
	}
	p.free = make(chan *instance, p.seats)
	p.count = 1
	p.free <- first
	s.Every(time.Minute, p.shrink)
	return nil
}

// prepare reads the options, and opens the store and the way out.
func (p *plugin) prepare() error {
	if err := p.readOptions(); err != nil {
		return err
	}
	if p.grants.Allow("store", "") {
		var err error
		if p.store, err = guest.OpenStore(p.scope, "wasm"); err != nil {
			return err
		}
	}
	p.http = newFetcher(p)
	return nil
}

func (p *plugin) readOptions() error {
	b, err := json.Marshal(guest.Plain(p.Options))
	if err != nil {
		return err
	}
	if fields, ok := guest.Plain(p.Options).(map[string]any); ok && fields != nil {
		if err := json.Unmarshal(b, &p.options); err != nil {
			return err
		}
	}
	if p.options == nil {
		p.options = make(map[string]json.RawMessage)
	}
	p.options[""] = b
	return nil
}

// compile makes the runtime and the machine code. That is kept on disk: for a
// guest in Go it takes a second.
func (p *plugin) compile(ctx context.Context) error {
	raw, err := read(p.Path)
	if err != nil {
		return err
	}
	raw, err = rewrite(raw)
	if err != nil {
		return err
	}
	p.runtime = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().
		WithMemoryLimitPages(uint32(p.Memory/pageSize)). //nolint:gosec // at most 1 GiB
		WithCompilationCache(p.cache.CompilationCache).
		WithDebugInfoEnabled(false))
	if err := hostModule(ctx, p.runtime); err != nil {
		return err
	}
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, p.runtime); err != nil {
		return err
	}
	if p.code, err = p.runtime.CompileModule(ctx, raw); err != nil {
		return err
	}
	return p.checkExports()
}

// exports are what a guest has, each with parameters and a result of type i32.
var exports = map[string]int{"abi": 0, "load": 0, "alloc": 1, "event": 3}

func (p *plugin) checkExports() error {
	all := p.code.ExportedFunctions()
	for name, params := range exports {
		def, ok := all[name]
		if !ok {
			return fmt.Errorf("it does not export %s (sdk/README.md)", name)
		}
		good := len(def.ParamTypes()) == params && len(def.ResultTypes()) == 1
		for _, t := range append(def.ParamTypes(), def.ResultTypes()...) {
			good = good && t == api.ValueTypeI32
		}
		if !good {
			return fmt.Errorf("its export %s has other parameters or results than the ABI says", name)
		}
	}
	if len(p.code.ExportedMemories()) == 0 {
		return errors.New("it does not export its memory")
	}
	return nil
}

// errBusy says that all instances are at work.
var errBusy = errors.New("all instances are at work")

// take takes an instance from the pool. Where all are at work another is made
// meanwhile, if there may be one more; the wait is not longer than a call.
func (p *plugin) take(ctx context.Context, limit time.Duration) (*instance, error) {
	select {
	case inst := <-p.free:
		return inst, nil
	default:
	}
	p.more()
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case inst := <-p.free:
		return inst, nil
	case <-ctx.Done():
	case <-t.C:
	}
	return nil, errBusy
}

// more has one more instance made, in the background.
func (p *plugin) more() {
	p.mu.Lock()
	full := p.ended || p.count >= p.seats
	if !full {
		p.count++
	}
	p.mu.Unlock()
	if full {
		return
	}
	p.scope.Go(func(ctx context.Context) {
		inst, err := p.instantiate(false)
		if err != nil {
			p.gone()
			p.guard.Failed(ctx, "load", err)
			return
		}
		p.give(inst)
	})
}

func (p *plugin) gone() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count--
}

// give puts an instance back. There is always room: the pool has as many
// places as there are instances.
func (p *plugin) give(inst *instance) {
	p.mu.Lock()
	ended := p.ended
	if !ended {
		p.free <- inst
	}
	p.mu.Unlock()
	if ended {
		inst.close()
	}
}

// discard ends an instance that has failed; another takes its place.
func (p *plugin) discard(inst *instance) {
	inst.close()
	p.gone()
	p.more()
}

// shrink ends an instance that a busier time has left.
func (p *plugin) shrink(context.Context) {
	if len(p.free) < 2 {
		return
	}
	select {
	case inst := <-p.free:
		inst.close()
		p.gone()
	default:
	}
}

// close ends what is left when nothing of the guest runs any more.
func (p *plugin) close() error {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	for p.free != nil {
		select {
		case inst := <-p.free:
			inst.close()
			continue
		default:
		}
		break
	}
	var errs []error
	if p.runtime != nil {
		errs = append(errs, p.runtime.Close(context.Background()))
	}
	if p.code != nil { // last: it is shared
		errs = append(errs, p.code.Close(context.Background()))
	}
	if p.cache != nil {
		errs = append(errs, p.cache.release())
	}
	return errors.Join(errs...)
}

// post is the guard at an extension point; nil in a dry run.
func (p *plugin) post(point string) *guest.Post {
	if p.guard == nil {
		return nil
	}
	return p.guard.Post(point, p.Limit, p.Points)
}

// sized adds to the memory of the instances.
func (p *plugin) sized(delta int64) { p.holds(p.memory.Add(delta)) }

// handle has the guest handle an event. Its verdict and what it sends count
// only if the call went well.
func (p *plugin) handle(ctx context.Context, id int, at *guest.Post, ev *points.Event) ext.Verdict {
	if p.guard.Suspended() {
		return at.Verdict(ctx, ev)
	}
	inst, err := p.take(ctx, at.Limit)
	if err != nil {
		at.Spared(ctx, err)
		return at.Verdict(ctx, ev)
	}
	verdict, out, err := inst.handle(ctx, id, ev, at.Limit)
	if inst.broken {
		p.discard(inst)
	} else {
		p.give(inst)
	}
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
