// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"
	"math"
	goruntime "runtime"
	"strings"
	"time"

	"tercet/core/module"
	"tercet/modules/guest"
)

// measureEvery is how often it is looked how much memory Lua has.
const measureEvery = 30 * time.Second

// weigh tells how much memory the modules in Lua have together.
func weigh(s *module.Scope) {
	memory := guest.NewMemory(s)
	measure := func(context.Context) { memory.Set(held()) }
	s.Go(measure)
	s.Every(measureEvery, measure)
}

// held is about how many bytes of the heap are Lua's, as of the last garbage
// collection: the runtime notes of one allocation in so many bytes which
// functions have made it. The universe itself cannot tell without a walk through
// all that it holds.
func held() int64 {
	total := 0.0
	for _, r := range samples() {
		objects := float64(r.InUseObjects())
		if objects == 0 || !byLua(r.Stack()) {
			continue
		}
		bytes := float64(r.InUseBytes())
		if rate := float64(goruntime.MemProfileRate); rate > 1 { // small objects are seldom met
			bytes /= 1 - math.Exp(-bytes/objects/rate)
		}
		total += bytes
	}
	return int64(total)
}

// samples are those of what lives.
func samples() []goruntime.MemProfileRecord {
	for n, _ := goruntime.MemProfile(nil, false); ; {
		records := make([]goruntime.MemProfileRecord, n+64)
		var fits bool
		if n, fits = goruntime.MemProfile(records, false); fits {
			return records[:n]
		}
	}
}

// inLua is what the packages of Lua's objects and libraries begin with.
var inLua = []string{"github.com/yuin/gopher-lua.", "tercet/modules/guest/lua", "tercet/config/lua51."}

// byLua reports whether what was allocated is Lua's: of the functions of this
// program the innermost decides, so that a stanza that Lua has had sent is not.
func byLua(stack []uintptr) bool {
	frames := goruntime.CallersFrames(stack)
	for {
		f, more := frames.Next()
		for _, begin := range inLua {
			if strings.HasPrefix(f.Function, begin) {
				return true
			}
		}
		if !more || strings.HasPrefix(f.Function, "tercet/") {
			return false
		}
	}
}
