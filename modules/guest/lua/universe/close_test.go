// SPDX-License-Identifier: Apache-2.0

package universe_test

import (
	"errors"
	"sync"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tercet/modules/guest/lua/universe"
)

// However a run and Close meet, the run ends and Close returns.
func TestCloseMeetsRun(t *testing.T) {
	for range 50 {
		u := universe.New(universe.Options{Limit: -1})
		began := make(chan struct{}, 4)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				began <- struct{}{}
				err := u.Do(t.Context(), &universe.Task{Name: "runs", Waits: true}, func(l *lua.LState) {
					run(u, l, "local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do pcall(co) end")
				})
				var failed *universe.Error
				if !errors.Is(err, universe.ErrClosed) && !errors.As(err, &failed) {
					t.Errorf("got %v", err)
				}
			})
		}
		<-began
		u.Close()
		wg.Wait()
	}
}
