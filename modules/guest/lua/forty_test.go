// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

// Forty modules of Debian's in a state of Lua, and all that they require there,
// take less than half of the 25 MB that a server may grow by for them.
func TestForty(t *testing.T) {
	names := lines(t, "forty.txt")
	var quoted []string
	for _, name := range names {
		for _, file := range []string{"mod_" + name + ".lua", "mod_" + name + "/mod_" + name + ".lua"} {
			if _, err := os.Stat(filepath.Join(debian, file)); err == nil {
				quoted = append(quoted, fmt.Sprintf("%q", name))
			}
		}
	}
	if len(quoted) != 40 {
		t.Skipf("Debian's packages prosody and prosody-modules are not installed: %d of 40 modules are there", len(quoted))
	}
	list := strings.Join(quoted, ", ")
	options, err := os.ReadFile("testdata/options.lua")
	if err != nil {
		t.Fatal(err)
	}
	start := func(more string) *coretest.Server {
		return coretest.New(t, string(options)+"http_ports = { }\nhttps_ports = { }\nlog = { { levels = { \"error\" }, to = \"console\" } }\n"+
			more+"\nVirtualHost \"example.org\"\n", modules.All...)
	}
	heap := func() int64 {
		runtime.GC()
		runtime.GC() // what had a finalizer
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc + m.StackInuse)
	}
	nothing := heap()
	plain := start("")
	without := heap()
	full := start("force_lua_modules = { " + list + " }\nmodules_enabled = { " + list + " }")
	all := heap()
	loaded := make(map[string]bool)
	for _, st := range full.Env.Manager.List() {
		loaded[st.Name] = st.State == "loaded"
	}
	for _, name := range names {
		if !loaded[name] {
			t.Errorf("%s is not loaded", name)
		}
	}
	taken := all - without - (without - nothing)
	t.Logf("a server takes %.1f MB, one with forty modules %.1f MB more", float64(without-nothing)/1e6, float64(taken)/1e6)
	if taken > 12e6 { // garbage, and what stays of loading, come on top
		t.Errorf("forty modules take %d bytes, more than 12,000,000", taken)
	}
	runtime.KeepAlive(plain)
}
