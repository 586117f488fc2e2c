// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// forgetCode lets go of the pages of the program itself that are mapped: clean
// ones of a file, which the next touch brings back. A start touches four of
// five, what follows few. What can be or has been written to stays; where the
// system does not tell (other than Linux) all stays.
func forgetCode() {
	name, _ := os.Readlink("/proc/self/exe")
	text, _ := os.ReadFile("/proc/self/smaps")
	var from, to uintptr
	for m := range strings.SplitSeq("\n"+string(text), "\nVmFlags:") {
		_, m, _ = strings.Cut(m, "\n") // the flags of the mapping before
		if _, err := fmt.Sscanf(m, "%x-%x r-", &from, &to); err == nil && strings.Contains(m, " "+name+"\n") && strings.Contains(m, "\nAnonymous:             0 kB\n") {
			_, _, _ = unix.RawSyscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
		}
	}
}
