// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"fmt"
	_ "net/http" // a program of some size
	"os"
	"strings"
	"testing"
)

// TestCodeIsForgotten has this program run on without the pages that it had:
// all of them.
func TestCodeIsForgotten(t *testing.T) {
	all, before := code(t)
	if before < all*9/10 {
		t.Fatalf("%d of %d KiB are in memory", before, all)
	}
	forgetCode()
	if _, after := mapped(t); after > all*3/4 { // some is in use again
		t.Errorf("of %d KiB, %d were in memory, and are now %d", all, before, after)
	}
}

// code reads all of the program that is mapped, so that it is in memory.
func code(t *testing.T) (all, resident int) {
	t.Helper()
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Skip("needs /proc/self/mem (Linux)")
	}
	defer mem.Close()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		if _, err := fmt.Sscanf(line, "%x-%x r-", &from, &to); err != nil || !strings.HasSuffix(line, os.Args[0]+"\n") || strings.Contains(line, " rw-p ") {
			continue
		}
		if _, err := mem.ReadAt(make([]byte, to-from), from); err != nil {
			t.Fatal(err)
		}
	}
	return mapped(t)
}

// mapped is how much of the program is mapped only to be read, and how much of
// that is in memory, in KiB.
func mapped(t *testing.T) (all, resident int) {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	ours := false
	for line := range strings.Lines(string(smaps)) {
		var from, to int64
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			ours = strings.HasSuffix(line, os.Args[0]+"\n") && !strings.Contains(line, " rw-p ")
		}
		var kb int
		if n, _ := fmt.Sscanf(line, "Size: %d", &kb); n == 1 && ours {
			all += kb
		}
		if n, _ := fmt.Sscanf(line, "Rss: %d", &kb); n == 1 && ours {
			resident += kb
		}
	}
	return all, resident
}
