// SPDX-License-Identifier: Apache-2.0

package universe_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"tercet/modules/guest/lua/universe"
)

// No program, however broken, ends the process, keeps the lock, or makes
// gopher-lua itself fail unseen. The libraries that reach outside are taken away.
func FuzzDo(f *testing.F) {
	for _, source := range []string{
		"return 1", "error({})", "local function f() return f() + 1 end f()", "while true do end",
		"local co = coroutine.wrap(function(...) return pcall(coroutine.yield, ...) end) return co(1), co(2)",
		"return xpcall(error, function(e) return debug.traceback(e, 1) end, 'x')",
		"setfenv(1, {}) x = 1", "return ('x'):gsub('(x*)', function(s) return s .. 'y' end)",
		"local t = setmetatable({}, { __index = function(t, k) error(k) end }) return t.x",
		"table.sort({ 3, 2, 1 }, function(a, b) error('e') end)", "return debug.getinfo(1), debug.getlocal(1, 1)",
		"coroutine.close(coroutine.create(print))", "load('return ...')(select(-1, 1, 2))", "return require 'util.events'.new()",
		"debug.setmetatable(nil, { __index = function() return 1 end }) return (nil).x", "_G = nil print(string)", "for k in pairs(_G) do _G[k] = nil end",
	} {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if strings.Contains(source, "package") || strings.Contains(source, "getregistry") {
			return // the way back to what was taken away
		}
		u := universe.New(universe.Options{Memory: 16 << 20, Log: slog.New(slog.DiscardHandler)})
		defer u.Close()
		mustDo(t, u, "os, io, dofile, loadfile = nil package.loaded.os, package.loaded.io = nil package = nil")
		_, err := do(u, limited(50*time.Millisecond), source)
		var failed *universe.Error
		if err != nil && !errors.As(err, &failed) {
			t.Errorf("got %v", err)
		}
		if err != nil && strings.Contains(failed.Text, "nil pointer") {
			t.Errorf("gopher-lua failed: %v\n%s", err, failed.Traceback)
		}
	})
}
