// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"bufio"
	"fmt"
	"io"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"sync"
	"sync/atomic"

	"tercet/modules/shell"
)

// How much is noted of what may be dear to note.
const (
	mutexFraction = 10     // one of so many waits for a mutex
	blockRate     = 10_000 // nanoseconds: one wait for each 10 us that are waited
)

// mostBytes ends what writes more: a busy server traces megabytes a second.
const mostBytes = 256 << 20

// A kind of profile.
type kind struct {
	name         string
	without      int // seconds, if none are given
	least, most  int
	heap         bool
	ending, tool string
	// take writes it to w; wait returns when the time is over, with an error
	// if the client is gone.
	take func(w io.Writer, gc bool, wait func() error) error
}

var kinds = [...]kind{
	{name: "cpu", without: 10, least: 1, most: 600, ending: ".pprof", tool: "pprof", take: cpu},
	{name: "heap", most: 600, heap: true, ending: ".pprof", tool: "pprof", take: moment("heap")},
	{name: "trace", without: 5, least: 1, most: 60, ending: ".trace", tool: "trace", take: execution},
	{name: "mutex", without: 10, least: 1, most: 600, ending: ".pprof", tool: "pprof", take: mutex},
	{name: "goroutine", most: 600, ending: ".pprof", tool: "pprof", take: moment("goroutine")},
	{name: "block", without: 10, least: 1, most: 600, ending: ".pprof", tool: "pprof", take: block},
	{name: "allocs", most: 600, heap: true, ending: ".pprof", tool: "pprof", take: moment("allocs")},
}

func find(name string) (kind, error) {
	for _, k := range kinds {
		if k.name == name {
			return k, nil
		}
	}
	return kind{}, shell.Usagef("there is no profile %q", name)
}

func cpu(w io.Writer, _ bool, wait func() error) error {
	if err := pprof.StartCPUProfile(w); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	defer pprof.StopCPUProfile() // writes
	return wait()
}

func execution(w io.Writer, _ bool, wait func() error) error {
	if err := trace.Start(w); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	defer trace.Stop() // writes the rest
	return wait()
}

func mutex(w io.Writer, gc bool, wait func() error) error {
	before := runtime.SetMutexProfileFraction(mutexFraction)
	err := wait()
	runtime.SetMutexProfileFraction(before)
	if err != nil {
		return err
	}
	return moment("mutex")(w, gc, func() error { return nil })
}

func block(w io.Writer, gc bool, wait func() error) error {
	runtime.SetBlockProfileRate(blockRate)
	err := wait()
	runtime.SetBlockProfileRate(0)
	if err != nil {
		return err
	}
	return moment("block")(w, gc, func() error { return nil })
}

// moment is a profile of what there is when the time is over.
func moment(name string) func(io.Writer, bool, func() error) error {
	return func(w io.Writer, gc bool, wait func() error) error {
		if err := wait(); err != nil {
			return err
		}
		if gc {
			runtime.GC()
		}
		return pprof.Lookup(name).WriteTo(w, 0)
	}
}

// A sink collects what is written into larger pieces. The runtime, which does
// not look at errors, writes from a goroutine of its own.
type sink struct {
	mu   sync.Mutex // guards what follows
	b    *bufio.Writer
	n    atomic.Int64
	err  error
	full chan struct{} // closed when it is time to stop
	once sync.Once
}

func newSink(w io.Writer) *sink {
	return &sink{b: bufio.NewWriterSize(w, 64<<10), full: make(chan struct{})}
}

// Write writes all that it is given, also beyond mostBytes: a file that breaks
// off is of no use.
func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.b.Write(p)
	if s.err = err; err != nil || s.n.Add(int64(n)) > mostBytes {
		s.once.Do(func() { close(s.full) })
	}
	return n, err
}

// Flush sends the rest; its error is the first of all.
func (s *sink) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = s.b.Flush()
	}
	return s.err
}

func (s *sink) bytes() int64 { return s.n.Load() }

func (s *sink) early() bool { return s.n.Load() > mostBytes }
