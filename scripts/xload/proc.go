// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// pidList is a repeatable -pid flag.
type pidList []int

func (p *pidList) String() string { return fmt.Sprint([]int(*p)) }

// Set takes one or more process ids.
func (p *pidList) Set(s string) error {
	for _, f := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
		v, err := strconv.Atoi(f)
		if err != nil {
			return err
		}
		*p = append(*p, v)
	}
	return nil
}

const tickUS = 10000 // USER_HZ is 100 on every Linux ABI in use

// readStat returns the parent and utime+stime of a process in ticks.
func readStat(pid int) (parent int, ticks int64, ok bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0, false
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 13 {
		return 0, 0, false
	}
	parent, _ = strconv.Atoi(f[1])
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return parent, user + system, true
}

// processes returns the server's processes and every descendant alive now.
func processes() []int {
	if len(pids) == 0 {
		return nil
	}
	entries, _ := os.ReadDir("/proc")
	children := map[int][]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if parent, _, ok := readStat(pid); ok {
			children[parent] = append(children[parent], pid)
		}
	}
	var out []int
	for todo := slices.Clone(pids); len(todo) > 0; todo = todo[1:] {
		if p := todo[0]; !slices.Contains(out, p) {
			out = append(out, p)
			todo = append(todo, children[p]...)
		}
	}
	return out
}

// serverCPU is the user+system time of the server's processes, in µs.
func serverCPU() (us int64) {
	for _, p := range processes() {
		if n, ok := cpuClock(p); ok {
			us += n
			continue
		}
		_, n, _ := readStat(p)
		us += n * tickUS
	}
	return us
}

// serverMemory is the PSS and RSS of the server's processes in bytes.
func serverMemory() (pss, rss int64) {
	for _, p := range processes() {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(p) + "/smaps_rollup")
		if err != nil {
			continue
		}
		for l := range strings.Lines(string(b)) {
			f := strings.Fields(l)
			if len(f) < 2 {
				continue
			}
			v, _ := strconv.ParseInt(f[1], 10, 64)
			switch f[0] {
			case "Pss:":
				pss += v << 10
			case "Rss:":
				rss += v << 10
			}
		}
	}
	return pss, rss
}

// selfCPU is the user+system time of xload, in µs.
func selfCPU() int64 {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()).Microseconds()
}

// machineCPU is the time of all that ran on the machine, ours or not, in µs.
func machineCPU() (busy int64) {
	b, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(b), "\n")
	for i, s := range strings.Fields(line) {
		const idle, wait, guest = 4, 5, 9
		if i == 0 || i == idle || i == wait || i >= guest {
			continue
		}
		v, _ := strconv.ParseInt(s, 10, 64)
		busy += v * tickUS
	}
	return busy
}

// snap is what had been used at a time, in µs.
type snap struct {
	t                  time.Time // where the measured time begins or ends
	taken              time.Time // when the rest was read: later if work was waited for
	server, self, busy int64
}

func take() snap {
	now := time.Now()
	return snap{t: now, taken: now, server: serverCPU(), self: selfCPU(), busy: machineCPU()}
}

// settle waits until the server stops burning CPU (work queued behind the last
// acknowledgement), at most limit.
func settle(limit time.Duration) {
	const step = 300 * time.Millisecond
	end := time.Now().Add(limit)
	for last := serverCPU(); time.Now().Before(end); {
		time.Sleep(step)
		now := serverCPU()
		if now-last <= tickUS {
			return
		}
		last = now
	}
}
