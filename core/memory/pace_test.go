// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
)

// TestPace has a program of its own pile up garbage.
func TestPace(t *testing.T) {
	if os.Getenv("TERCET_TEST_PACE") != "" {
		pace(t)
		return
	}
	for _, gogc := range []string{"", "70"} {
		c := exec.Command(os.Args[0], "-test.run=^TestPace$", "-test.v")
		c.Env = append(os.Environ(), "TERCET_TEST_PACE=1", "GOGC="+gogc)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("GOGC=%s: %v\n%s", gogc, err, out)
		}
	}
}

var kept [][]byte

func pace(t *testing.T) {
	CollectEarly()
	if os.Getenv("GOGC") != "" {
		if reserve != nil || debug.SetGCPercent(100) != 70 {
			t.Error("GOGC is not obeyed")
		}
		return
	}
	const mb = 1 << 20
	before := anonymous(t)
	for live, most := range map[int64]int64{0: 18 * mb, 20 * mb: 25 * mb, 200 * mb: 85 * mb} {
		kept = nil
		for range live / mb {
			kept = append(kept, make([]byte, mb))
		}
		runtime.GC()
		runtime.GC()
		if got := Live(); got < live || got > live+3*mb {
			t.Errorf("%d MiB live, Live says %d", live>>20, got>>20)
		}
		goal := [1]metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
		metrics.Read(goal[:])
		if room := int64(goal[0].Value.Uint64()) - reserveSize - live; room < 10*mb || room > most {
			t.Errorf("%d MiB live: %d MiB of garbage may pile up, want 10 to %d", live>>20, room>>20, most>>20)
		}
		if got := InUse(); got < live || got > live+most {
			t.Errorf("%d MiB live, InUse says %d", live>>20, got>>20)
		}
	}
	kept = nil
	debug.FreeOSMemory()
	if grown := anonymous(t) - before; grown > 12<<10 {
		t.Errorf("the reserve takes memory: %d KiB", grown)
	}
}

// anonymous is what this program has in memory that is of no file, in KiB.
func anonymous(t *testing.T) (kb int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		t.Skip("needs /proc/self/smaps_rollup (Linux)")
	}
	for line := range strings.Lines(string(b)) {
		_, _ = fmt.Sscanf(line, "Pss_Anon: %d", &kb)
	}
	return kb
}
