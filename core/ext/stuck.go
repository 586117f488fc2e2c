// SPDX-License-Identifier: Apache-2.0

package ext

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
)

// stuck says what a Close waits for in vain, for the log: which tasks, and which
// handlers. A pass does not note its handlers, that would cost each stanza; so
// they are looked for on the stacks of all goroutines, once.
func (s *Scope) stuck(passes []*snapshot) string {
	var what []string
	var open int64
	handlers := make(map[string]string)
	for _, p := range passes {
		if p.empty.Load() {
			continue
		}
		open += p.open()
		p.name(handlers)
	}
	if open > 0 {
		seen := onStacks(handlers)
		if len(seen) == 0 {
			seen = []string{"no handler on any stack"}
		}
		what = append(what, fmt.Sprintf("%d open passes: %s", open, strings.Join(seen, ", ")))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	running := make(map[string]int)
	for t := range s.work {
		running[t.what+" "+t.where()]++
	}
	for _, name := range slices.Sorted(maps.Keys(running)) {
		what = append(what, fmt.Sprintf("%d times %s", running[name], name))
	}
	if n := len(s.undo); n > 0 {
		what = append(what, fmt.Sprintf("%d deferred functions were not run", n))
	}
	return "still running: " + strings.Join(what, "; ")
}

// name adds the handlers of a snapshot to names: function to owner and point.
func (s *snapshot) name(names map[string]string) {
	for _, list := range s.entries {
		for _, e := range list {
			if reflect.ValueOf(e.value).Kind() == reflect.Func {
				names[funcName(pcOf(e.value))] = fmt.Sprintf("%s at %s", e.owner.name, pointOf(e.point).name)
			}
		}
	}
}

func (t *task) where() string {
	if t.what != "hold" {
		return funcName(t.pc)
	}
	f, _ := runtime.CallersFrames([]uintptr{t.pc}).Next()
	return fmt.Sprintf("taken by %s, line %d", f.Function, f.Line)
}

// funcName is a function's name; a method's too, where its value was taken.
func funcName(pc uintptr) string {
	f := runtime.FuncForPC(pc)
	if f == nil {
		return "unknown"
	}
	return strings.TrimSuffix(f.Name(), "-fm")
}

// onStacks returns those of the functions in which a goroutine is, and the same
// of the caller's own goroutine.
func onStacks(names map[string]string) (seen []string) {
	mine := make(map[string]bool)
	pcs := make([]uintptr, 256)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		mine[f.Function] = true
	}
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		return nil
	}
	for line := range strings.Lines(all.String()) {
		fields := strings.Fields(line) // "#", pc, function+offset, file:line
		if len(fields) < 4 || fields[0] != "#" {
			continue
		}
		fn := fields[2][:max(0, strings.LastIndex(fields[2], "+"))]
		at, ok := names[fn]
		if !ok {
			continue
		}
		at = fmt.Sprintf("%s of %s", fn, at)
		if mine[fn] {
			at += " (which called Close itself)"
		}
		if !slices.Contains(seen, at) {
			seen = append(seen, at)
		}
	}
	return seen
}
