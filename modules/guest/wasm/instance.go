// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"tercet/core/ext"
	points "tercet/core/guest"
	"tercet/modules/guest"
)

// abiVersion is what export abi has to return.
const abiVersion = 1

// maxEvent is the longest event that crosses.
const maxEvent = 1 << 20

// slow calls may have left a deep stack behind; the handles that hold it are
// made anew.
const slow = time.Millisecond

// An instance is one copy of a guest with a memory of its own. It serves one
// call at a time.
type instance struct {
	plugin *plugin
	ctx    context.Context //nolint:containedctx // it is the instance's life: cancelling it is the one way to stop a call
	stamp  *guest.Stamp
	cancel context.CancelFunc

	module       api.Module
	alloc, event api.Function
	size0        int64  // bytes of memory, as told to the meter
	buffer, room uint32 // where events are put, and how long they may be
	in           []byte
	stack        [3]uint64
	broken       bool // it must not be called again

	loading bool // load runs: hook, add and every are legal
	first   bool // and they attach
	next    int  // requests made so far
	denied  string

	call call // at work
}

// A call is one call of event, as the host's functions see it.
type call struct {
	ctx  context.Context //nolint:containedctx // that of the event, for the length of the call
	ev   *points.Event
	out  *effects
	logs int // lines so far
	ops  int // of the store
}

type instanceKey struct{}

// instantiate makes an instance and has it load.
func (p *plugin) instantiate(first bool) (*instance, error) {
	inst := &instance{plugin: p, first: first, loading: true}
	inst.ctx, inst.cancel = context.WithCancel(context.WithValue(context.WithoutCancel(p.ctx), instanceKey{}, inst))
	inst.stamp = guest.Watch(inst.cancel)
	inst.call.ctx = p.ctx
	inst.stamp.Begin(loadLimit)
	err := inst.load()
	if !inst.stamp.End() {
		err = fmt.Errorf("load took longer than %v", loadLimit)
	}
	inst.loading = false
	if err != nil {
		inst.close()
		return nil, err
	}
	inst.measure()
	return inst, nil
}

func (i *instance) load() error {
	p := i.plugin
	lines := &lines{inst: i}
	var err error
	i.module, err = p.runtime.InstantiateModule(i.ctx, p.code, wazero.NewModuleConfig().
		WithName("").WithStartFunctions("_initialize").
		WithStdout(lines).WithStderr(lines).WithRandSource(rand.Reader).
		WithWalltime(walltime, sys.ClockResolution(time.Millisecond)).
		WithNanotime(nanotime, sys.ClockResolution(time.Millisecond)))
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	i.alloc, i.event = i.module.ExportedFunction("alloc"), i.module.ExportedFunction("event")
	version, err := i.run(i.module.ExportedFunction("abi"))
	if err != nil {
		return fmt.Errorf("abi: %w", err)
	}
	if version != abiVersion {
		return fmt.Errorf("it was made for version %d of the ABI, this server has version %d", version, abiVersion)
	}
	code, err := i.run(i.module.ExportedFunction("load"))
	switch {
	case err != nil:
		return fmt.Errorf("load: %w", err)
	case i.denied != "":
		return fmt.Errorf("it asks for %s, and was not given that", i.denied)
	case code != 0:
		return fmt.Errorf("load returned %d", code)
	case i.next != len(p.asked):
		return errDiffers
	}
	return nil
}

var errDiffers = errors.New("its instances ask for different things in their load")

// The clock that a guest sees has steps of a millisecond.
func walltime() (sec int64, nsec int32) {
	now := time.Now().Truncate(time.Millisecond)
	return now.Unix(), int32(now.Nanosecond()) //nolint:gosec // below 1e9
}

var began = time.Now()

func nanotime() int64 { return int64(time.Since(began).Truncate(time.Millisecond)) }

func (i *instance) run(fn api.Function) (int32, error) {
	if err := fn.CallWithStack(i.ctx, i.stack[:]); err != nil {
		return 0, err
	}
	return int32(i.stack[0]), nil //nolint:gosec // an i32 lies in the lower half
}

// close ends the instance.
func (i *instance) close() {
	i.stamp.Forget()
	i.cancel()
	if i.module != nil {
		_ = i.module.Close(i.ctx) // nothing is open in it
	}
	i.plugin.sized(-i.size0)
	i.size0 = 0
}

func (i *instance) size() int64 { return int64(i.module.Memory().Size()) }

func (i *instance) measure() {
	if now := i.size(); now != i.size0 {
		i.plugin.sized(now - i.size0)
		i.size0 = now
	}
}

// handle has the instance handle one event, under the deadline.
func (i *instance) handle(ctx context.Context, id int, ev *points.Event, limit time.Duration) (ext.Verdict, *effects, error) {
	if err := i.encode(ev); err != nil {
		return ext.Next, nil, err
	}
	i.call = call{ctx: ctx, ev: ev}
	i.stamp.Begin(limit)
	verdict, err := i.deliver(id)
	took := i.stamp.Since()
	inTime := i.stamp.End()
	out := i.call.out
	i.call = call{ctx: i.plugin.ctx}
	switch {
	case !inTime:
		i.broken = true
		return ext.Next, nil, fmt.Errorf("stopped after %v", limit)
	case err != nil:
		i.broken = true
		return ext.Next, nil, brief(err)
	}
	i.measure()
	if took > slow {
		i.alloc, i.event = i.module.ExportedFunction("alloc"), i.module.ExportedFunction("event")
	}
	switch verdict {
	case 0:
		return ext.Next, out, nil
	case 1:
		return ext.Stop, out, nil
	}
	return ext.Next, nil, fmt.Errorf("the handler returned %d", verdict)
}

// encode writes the event into i.in.
func (i *instance) encode(ev *points.Event) (err error) {
	if ev.Route != nil {
		i.in = ev.Route.Stanza.AppendTo(i.in[:0])
	} else if i.in, err = json.Marshal(ev.Value); err != nil {
		return fmt.Errorf("write the event: %w", err)
	}
	if len(i.in) > maxEvent {
		return fmt.Errorf("the event has %d bytes, more than %d", len(i.in), maxEvent)
	}
	return nil
}

// deliver puts the event into the guest's memory and calls it.
func (i *instance) deliver(id int) (int32, error) {
	n := uint32(len(i.in)) //nolint:gosec // at most maxEvent
	if n > i.room || i.buffer == 0 {
		want := max(4096, n+n/2)
		i.stack[0] = uint64(want)
		if err := i.alloc.CallWithStack(i.ctx, i.stack[:1]); err != nil {
			return 0, fmt.Errorf("alloc: %w", err)
		}
		i.buffer, i.room = uint32(i.stack[0]), want //nolint:gosec // an i32 lies in the lower half
		if _, ok := i.module.Memory().Read(i.buffer, want); !ok || i.buffer == 0 {
			return 0, fmt.Errorf("alloc(%d) returned %d, where its memory has no such room", want, i.buffer)
		}
	}
	if !i.module.Memory().Write(i.buffer, i.in) {
		return 0, errors.New("the buffer has left its memory")
	}
	i.stack = [3]uint64{uint64(id), uint64(i.buffer), uint64(n)} //nolint:gosec // it counts handlers
	if err := i.event.CallWithStack(i.ctx, i.stack[:]); err != nil {
		return 0, err
	}
	return int32(i.stack[0]), nil //nolint:gosec // an i32 lies in the lower half
}

// brief is the first line of an error: what follows is the guest's stack.
func brief(err error) error {
	first, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(first)
}

// maxLine is the longest text of a guest that is logged, and maxLines how many
// of them in one call.
const (
	maxLine  = 1024
	maxLines = 20
)

func (i *instance) log(level slog.Level, text string) {
	if i.call.logs++; i.call.logs > maxLines {
		return
	}
	if len(text) > maxLine {
		text = text[:maxLine]
	}
	i.plugin.says(i.call.ctx, level, strings.ToValidUTF8(text, "\uFFFD"))
}

// lines logs what a guest prints, such as the panic of one in Go.
type lines struct {
	inst *instance
	rest []byte
}

// Write never fails: what is too much is left out.
func (l *lines) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		line, after, whole := bytes.Cut(b, []byte("\n"))
		if len(l.rest) < maxLine {
			l.rest = append(l.rest, line[:min(len(line), maxLine)]...)
		}
		if b = after; whole {
			l.inst.log(slog.LevelWarn, string(l.rest))
			l.rest = l.rest[:0]
		}
	}
	return n, nil
}
