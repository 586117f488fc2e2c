// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"tercet/core/ext"
	points "tercet/core/guest"
)

// What the host's functions return beside a length, a number, or ok.
const (
	ok             int32 = 0
	errNone        int32 = -1 // there is no such value
	errDenied      int32 = -2 // not granted, or not now
	errMalformed   int32 = -3 // a pointer, a name, XML or JSON that is none
	errLarge       int32 = -4
	errUnavailable int32 = -5 // the store does not answer
)

// countFailed is what count returns on a failure.
const countFailed = math.MinInt64

// minPeriod is the shortest period of every.
const minPeriod = 100 * time.Millisecond

const (
	i32 = api.ValueTypeI32
	i64 = api.ValueTypeI64
	f64 = api.ValueTypeF64
)

type function struct {
	name    string
	params  []api.ValueType
	results []api.ValueType
	fn      func(*instance, []uint64)
}

// functions are what a guest may import from "tercet". Texts are (pointer,
// length) in UTF-8; the last two parameters of those that give a text are a
// buffer for it, and the result is the length that it has or would need.
var functions = []function{
	{"hook", []api.ValueType{i32, i32, f64, i32, i32}, []api.ValueType{i32}, (*instance).hostHook},
	{"add", []api.ValueType{i32, i32, i32, i32}, []api.ValueType{i32}, (*instance).hostAdd},
	{"every", []api.ValueType{i32}, []api.ValueType{i32}, (*instance).hostEvery},
	{"option", []api.ValueType{i32, i32, i32, i32}, []api.ValueType{i32}, (*instance).hostOption},
	{"get", []api.ValueType{i32, i32, i32, i32, i32, i32}, []api.ValueType{i32}, (*instance).hostGet},
	{"put", []api.ValueType{i32, i32, i32, i32, i32, i32}, []api.ValueType{i32}, (*instance).hostPut},
	{"find", []api.ValueType{i32, i32, i32, i32, i32, i32}, []api.ValueType{i32}, (*instance).hostFind},
	{"count", []api.ValueType{i32, i32, i32, i32, i64}, []api.ValueType{i64}, (*instance).hostCount},
	{"send", []api.ValueType{i32, i32}, []api.ValueType{i32}, (*instance).hostSend},
	{"reply", []api.ValueType{i32, i32}, []api.ValueType{i32}, (*instance).hostReply},
	{"replace", []api.ValueType{i32, i32}, []api.ValueType{i32}, (*instance).hostReplace},
	{"http", []api.ValueType{i32, i32}, []api.ValueType{i32}, (*instance).hostHTTP},
	{"log", []api.ValueType{i32, i32, i32}, nil, (*instance).hostLog},
	{checkName, nil, nil, (*instance).hostCheck},
	{"now", nil, []api.ValueType{i64}, func(_ *instance, s []uint64) { s[0] = uint64(time.Now().UnixMilli()) }},
}

func hostModule(ctx context.Context, r wazero.Runtime) error {
	b := r.NewHostModuleBuilder("tercet")
	for _, f := range functions {
		b.NewFunctionBuilder().WithGoFunction(api.GoFunc(func(ctx context.Context, stack []uint64) {
			f.fn(ctx.Value(instanceKey{}).(*instance), stack) //nolint:forcetypeassert // each call has the instance's context
		}), f.params, f.results).Export(f.name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

func result(stack []uint64, v int32) { stack[0] = api.EncodeI32(v) }

// bytes is the guest's memory at a pointer and a length on the stack; valid for
// the length of this call of the host.
func (i *instance) bytes(stack []uint64, at int) ([]byte, bool) {
	return i.memory().Read(uint32(stack[at]), uint32(stack[at+1])) //nolint:gosec // an i32 lies in the lower half
}

func (i *instance) text(stack []uint64, at int) (string, bool) {
	b, ok := i.bytes(stack, at)
	return string(b), ok
}

// memory is nil while the guest is being instantiated: a start function must
// not call the host.
func (i *instance) memory() api.Memory {
	if i.module == nil {
		return noMemory{}
	}
	return i.module.Memory()
}

// noMemory has nothing to read.
type noMemory struct{ api.Memory }

func (noMemory) Read(uint32, uint32) ([]byte, bool) { return nil, false }

// give writes a text into the buffer at the stack's place, if it is large
// enough, and returns its length.
func (i *instance) give(stack []uint64, at int, b []byte) {
	if len(b) > math.MaxInt32 {
		result(stack, errLarge)
		return
	}
	buffer, ok := i.bytes(stack, at)
	switch {
	case !ok:
		result(stack, errMalformed)
		return
	case len(buffer) >= len(b):
		copy(buffer, b)
	}
	result(stack, int32(len(b))) //nolint:gosec // checked above
}

// ask notes a request of load: the first instance's is made, those of the
// others must be the same. It returns the request's number.
func (i *instance) ask(r request, grant, name string, do func(id int) error) int32 {
	p := i.plugin
	switch {
	case !i.loading:
		return errDenied
	case !i.first:
		if i.next >= len(p.asked) || p.asked[i.next] != r {
			i.next = len(p.asked) + 1 // errDiffers
			return errDenied
		}
	case grant != "" && !p.grants.Allow(grant, name):
		if i.denied == "" {
			i.denied = grant + ":" + name
		}
		return errDenied
	case i.next >= maxRequests:
		return errLarge
	default:
		if err := do(i.next); err != nil {
			i.log(slog.LevelError, err.Error())
			return errMalformed
		}
		p.asked = append(p.asked, r)
	}
	i.next++
	return int32(i.next - 1) //nolint:gosec // at most maxRequests
}

// maxRequests is how many hooks, values and timers a guest may have.
const maxRequests = 1000

// httpPoint is the name of the hook that responses come to.
const httpPoint = "http-response"

func (i *instance) hostHook(stack []uint64) {
	name, ok1 := i.text(stack, 0)
	filter, ok2 := i.text(stack, 3)
	prio := api.DecodeF64(stack[2])
	if !ok1 || !ok2 || math.IsNaN(prio) {
		result(stack, errMalformed)
		return
	}
	p := i.plugin
	if name == httpPoint {
		result(stack, i.ask(request{"hook", name, filter, prio}, "", "", func(id int) error {
			p.answer, p.answered = id, p.post(name)
			return nil
		}))
		return
	}
	result(stack, i.ask(request{"hook", name, filter, prio}, "hook", name, func(id int) error {
		at := p.post(name)
		return p.hook(name, prio, filter, func(ctx context.Context, ev *points.Event) ext.Verdict {
			return p.handle(ctx, id, at, ev)
		})
	}))
}

func (i *instance) hostAdd(stack []uint64) {
	name, ok1 := i.text(stack, 0)
	value, ok2 := i.text(stack, 2)
	if !ok1 || !ok2 {
		result(stack, errMalformed)
		return
	}
	n := i.ask(request{"add", name, value, 0}, "add", name, func(int) error {
		return i.plugin.add(name, json.RawMessage(value))
	})
	result(stack, min(n, ok))
}

func (i *instance) hostEvery(stack []uint64) {
	period := time.Duration(uint32(stack[0])) * time.Millisecond //nolint:gosec // an i32 lies in the lower half
	p := i.plugin
	if period < minPeriod {
		result(stack, errMalformed)
		return
	}
	result(stack, i.ask(request{"every", "", "", float64(period)}, "", "", func(id int) error {
		at := p.post("every")
		p.every(period, func(ctx context.Context) {
			p.handle(ctx, id, at, &points.Event{Value: struct{}{}})
		})
		return nil
	}))
}

func (i *instance) hostOption(stack []uint64) {
	name, good := i.text(stack, 0)
	v, found := i.plugin.options[name]
	i.plugin.reads(name)
	switch {
	case !good:
		result(stack, errMalformed)
	case !found:
		result(stack, errNone)
	default:
		i.give(stack, 2, v)
	}
}

// hostCheck is called by rewritten code after each slice.
func (i *instance) hostCheck([]uint64) {
	if i.ctx.Err() != nil {
		panic(errStopped) //nolint:forbidigo // it ends the guest's call: wazero makes an error of it
	}
}

var errStopped = errors.New("stopped")

func (i *instance) hostLog(stack []uint64) {
	text, good := i.text(stack, 1)
	if !good {
		return
	}
	level := slog.LevelDebug
	switch api.DecodeI32(stack[0]) {
	case 1:
		level = slog.LevelInfo
	case 2:
		level = slog.LevelWarn
	case 3:
		level = slog.LevelError
	}
	i.log(level, text)
}
