// SPDX-License-Identifier: Apache-2.0

package lane_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tercet/core/lane"
)

// TestHammer: many submitters, one lane. One function at a time, each
// submitter's in its order, none lost; by Do and by TryEnter mixed.
func TestHammer(t *testing.T) {
	const submitters, each = 8, 5000
	var l lane.Lane
	var inside atomic.Int32
	var wg, pending sync.WaitGroup
	var last [submitters]int // guarded by the lane
	var wrong, ran int       // so are these
	for who := range submitters {
		pending.Add(each)
		wg.Go(func() {
			for i := 1; i <= each; i++ {
				step := func() {
					defer pending.Done()
					if inside.Add(1) != 1 || last[who] != i-1 {
						wrong++
					}
					last[who] = i
					ran++
					if i%64 == 0 {
						runtime.Gosched()
					}
					inside.Add(-1)
				}
				if i%3 == 0 && l.TryEnter() {
					step()
					l.Leave()
				} else {
					l.Do(step)
				}
			}
		})
	}
	wg.Wait()
	pending.Wait()
	done := make(chan struct{})
	l.Do(func() { close(done) })
	<-done
	if wrong != 0 || ran != submitters*each || l.Len() != 0 {
		t.Errorf("%d out of order or not alone, %d of %d ran, %d wait", wrong, ran, submitters*each, l.Len())
	}
}

// TestNoneLost is the narrow place: a lane that becomes free while another
// decides that it is taken.
func TestNoneLost(t *testing.T) {
	each := 1_000_000
	if testing.Short() {
		each /= 10
	}
	var l lane.Lane
	stop := make(chan struct{})
	var held atomic.Int64 // takes a while
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			for n := range 100 {
				if l.TryEnter() {
					for range n {
						held.Add(1)
					}
					l.Leave()
				}
			}
		}
	})
	ran, wrong := 0, 0
	for i := range each {
		l.Do(func() {
			if ran != i { // one that was forgotten comes too late, or never
				wrong++
			}
			ran++
		})
	}
	close(stop)
	wg.Wait()
	done := make(chan struct{})
	l.Do(func() { close(done) })
	<-done
	if ran != each || wrong != 0 || l.Len() != 0 {
		t.Errorf("%d ran, want %d; %d not in order; %d wait", ran, each, wrong, l.Len())
	}
}

// TestCrossed: lanes that send to each other, and to themselves, come to an end.
func TestCrossed(t *testing.T) {
	const lanes, starts, depth = 8, 200, 40
	var ls [lanes]lane.Lane
	var inside [lanes]atomic.Int32
	var wrong, ran atomic.Int64
	var pending sync.WaitGroup
	var send func(to, hops int)
	send = func(to, hops int) {
		pending.Add(1)
		ls[to].Do(func() {
			defer pending.Done()
			if inside[to].Add(1) != 1 {
				wrong.Add(1)
			}
			ran.Add(1)
			if hops > 0 {
				send((to+1)%lanes, hops-1)
				if hops%8 == 0 {
					send(to, 0)
				}
			}
			inside[to].Add(-1)
		})
	}
	var wg sync.WaitGroup
	for from := range lanes {
		wg.Go(func() {
			for range starts {
				send(rand.IntN(lanes), depth)
				send(from, depth)
			}
		})
	}
	wg.Wait()
	pending.Wait()
	want := int64(lanes * starts * 2 * (depth + 1 + depth/8))
	if wrong.Load() != 0 || ran.Load() != want {
		t.Errorf("%d not alone, %d ran, want %d", wrong.Load(), ran.Load(), want)
	}
}

func TestDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // time stands still: all is drained here
		var l lane.Lane
		var got []string
		l.Do(func() {
			got = append(got, "first")
			l.Do(func() {
				got = append(got, "second")
				l.Do(func() { got = append(got, "third") })
			})
			if n := l.Len(); n != 1 {
				t.Errorf("%d wait, want 1", n)
			}
			got = append(got, "first's end")
		})
		if s := strings.Join(got, ", "); s != "first, first's end, second, third" {
			t.Errorf("ran %s", s)
		}
		if n := l.Len(); n != 0 {
			t.Errorf("%d wait, want 0", n)
		}
	})
}

func TestTryEnter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // time stands still: all is drained here
		var l lane.Lane
		if !l.TryEnter() {
			t.Fatal("a free lane was not entered")
		}
		if l.TryEnter() {
			t.Fatal("a taken lane was entered")
		}
		ran := false
		l.Do(func() {
			ran = true
			if l.TryEnter() {
				t.Error("a lane was entered that is drained")
			}
		})
		if ran {
			t.Fatal("a taken lane ran a function")
		}
		l.Leave()
		if !ran || !l.TryEnter() {
			t.Fatal("Leave did not drain and free the lane")
		}
		l.Leave()
	})
}

// The holder drains 64 functions; what more there is goes to a goroutine, so
// that one sender does not pay for all others.
func TestDrainBounded(t *testing.T) {
	for _, tt := range []struct {
		name string
		item func()
		most int
	}{
		{"64 functions", func() {}, 64},
		{"1 ms", func() { time.Sleep(time.Millisecond) }, 1},
		{"several in 1 ms", func() { time.Sleep(400 * time.Microsecond) }, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l lane.Lane
				inline, ran := 0, 0
				var pending sync.WaitGroup
				pending.Add(1000)
				l.TryEnter()
				for range 1000 {
					l.Do(func() {
						defer pending.Done()
						ran++
						if inLeave() {
							inline++
						}
						tt.item()
					})
				}
				start := time.Now()
				l.Leave()
				took := time.Since(start)
				pending.Wait()
				synctest.Wait()
				if took > 2*time.Millisecond {
					t.Errorf("Leave took %v", took)
				}
				if ran != 1000 || l.Len() != 0 || !l.TryEnter() {
					t.Errorf("%d ran, %d wait", ran, l.Len())
				}
				if inline != tt.most {
					t.Errorf("%d ran in Leave, want %d", inline, tt.most)
				}
			})
		})
	}
}

// inLeave reports whether the lane's holder runs this, and not the lane's own
// goroutine.
func inLeave() bool {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.Function, "(*Lane).Leave") {
			return true
		}
		if !more {
			return false
		}
	}
}

// A panic ends what it ends, but not the lane.
func TestPanic(t *testing.T) {
	reports := make(chan string, 8)
	lane.OnPanic(func(value any, stack []byte) {
		if !bytes.Contains(stack, []byte("TestPanic")) {
			t.Errorf("a stack without its function: %s", stack)
		}
		reports <- fmt.Sprint(value)
	})
	defer lane.OnPanic(nil)
	protect := func(fn func()) (value any) {
		defer func() { value = recover() }()
		fn()
		return nil
	}

	t.Run("of the caller's own function", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var l lane.Lane
			done := make(chan struct{})
			v := protect(func() {
				l.Do(func() {
					l.Do(func() { close(done) })
					panic("mine")
				})
			})
			if v != "mine" {
				t.Errorf("the caller got %v", v)
			}
			<-done
		})
	})
	t.Run("of one that waited", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var l lane.Lane
			ran := false
			v := protect(func() {
				l.TryEnter()
				l.Do(func() { panic("theirs") })
				l.Do(func() { ran = true })
				l.Leave()
			})
			if v != nil || !ran {
				t.Errorf("the one who drained got %v; the next ran: %v", v, ran)
			}
			if got := <-reports; got != "theirs" {
				t.Errorf("reported %q", got)
			}
		})
	})
	t.Run("between TryEnter and a deferred Leave", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var l lane.Lane
			ran := false
			v := protect(func() {
				l.TryEnter()
				defer l.Leave()
				l.Do(func() { panic("theirs") })
				l.Do(func() { ran = true })
				panic("mine")
			})
			if v != "mine" || !ran || !l.TryEnter() {
				t.Errorf("the caller got %v; the next ran: %v", v, ran)
			}
			<-reports
		})
	})
	t.Run("in the lane's goroutine", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var l lane.Lane
			l.TryEnter()
			for i := range 200 {
				l.Do(func() {
					if i%100 == 99 {
						panic(i)
					}
				})
			}
			l.Leave()
			synctest.Wait()
			if a, b := <-reports, <-reports; a != "99" || b != "199" || !l.TryEnter() {
				t.Errorf("reported %s, %s", a, b)
			}
		})
	})
}

// A function that ends its goroutine (as t.FailNow does) does not end the lane.
func TestGoexit(t *testing.T) {
	for _, tt := range []struct {
		name string
		by   func(l *lane.Lane, fn func())
	}{
		{"run at once", func(l *lane.Lane, fn func()) { l.Do(fn) }},
		{"waited", func(l *lane.Lane, fn func()) { l.TryEnter(); l.Do(fn); l.Leave() }},
		{"in the lane's goroutine", func(l *lane.Lane, fn func()) {
			l.TryEnter()
			for range 64 {
				l.Do(func() {})
			}
			l.Do(fn)
			l.Leave()
		}},
	} {
		t.Run(tt.name, func(*testing.T) {
			var l lane.Lane
			done := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				tt.by(&l, func() {
					l.Do(func() { close(done) })
					runtime.Goexit()
				})
			})
			wg.Wait()
			<-done
		})
	}
}

// Without OnPanic a panic is not lost either.
func TestPanicDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // time stands still: all is drained here
		var out bytes.Buffer
		old := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
		defer slog.SetDefault(old)
		var l lane.Lane
		l.TryEnter()
		l.Do(func() { panic("lost?") })
		l.Leave()
		if s := out.String(); !strings.Contains(s, "lost?") || !strings.Contains(s, "TestPanicDefault") {
			t.Errorf("log %q", s)
		}
	})
}

// A burst does not keep its memory, and a queue that is never empty does not
// grow with what has passed through it.
func TestMemory(t *testing.T) {
	t.Run("burst", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var l lane.Lane
			l.TryEnter()
			for range 100_000 {
				l.Do(func() {})
			}
			l.Leave()
			synctest.Wait()
			if n := lane.QueueCap(&l); n > 1024 || l.Len() != 0 {
				t.Errorf("a lane in which %d wait keeps room for %d", l.Len(), n)
			}
		})
	})
	t.Run("stream", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var l lane.Lane
			ran, most := 0, 0
			var again func()
			again = func() {
				most = max(most, lane.QueueCap(&l))
				if ran++; ran < 20_000 {
					l.Do(again)
				}
			}
			l.TryEnter()
			for range 10 {
				l.Do(again)
			}
			l.Leave()
			synctest.Wait()
			if ran < 20_000 || most > 64 {
				t.Errorf("ten waited at a time, yet there was room for %d after %d", most, ran)
			}
		})
	})
}

func TestNoAllocations(t *testing.T) {
	var l lane.Lane
	n := 0
	fn := func() { n++ }
	got := testing.AllocsPerRun(1000, func() {
		l.Do(fn)
		if l.TryEnter() {
			l.Leave()
		}
	})
	if got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

func BenchmarkDo(b *testing.B) {
	var l lane.Lane
	n := 0
	fn := func() { n++ }
	b.ReportAllocs()
	for b.Loop() {
		l.Do(fn)
	}
}

func BenchmarkTryEnter(b *testing.B) {
	var l lane.Lane
	b.ReportAllocs()
	for b.Loop() {
		if l.TryEnter() {
			l.Leave()
		}
	}
}

// A function that waits, and is drained.
func BenchmarkQueued(b *testing.B) {
	var l lane.Lane
	n := 0
	fn := func() { n++ }
	b.ReportAllocs()
	for b.Loop() {
		l.TryEnter()
		l.Do(fn)
		l.Leave()
	}
}

func BenchmarkContended(b *testing.B) {
	var l lane.Lane
	n := 0
	fn := func() { n++ }
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			for l.Len() > 1000 { // what the reader of a stream does: it pauses
				runtime.Gosched()
			}
			l.Do(fn)
		}
	})
}

// TestUnderALock: who holds a lock that those who wait want is not made to run
// them, nor his own function, when he leaves a lane.
func TestUnderALock(t *testing.T) {
	for name, leave := range map[string]func(l *lane.Lane, fn func()){
		"yield": func(l *lane.Lane, fn func()) {
			l.TryEnter()
			l.Do(fn) // waits
			l.Yield()
		},
		"later": func(l *lane.Lane, fn func()) { l.Later(fn) },
		"later, taken": func(l *lane.Lane, fn func()) {
			l.TryEnter()
			l.Later(fn)
			l.Yield()
		},
	} {
		t.Run(name, func(t *testing.T) {
			var l lane.Lane
			var lock sync.Mutex
			ran := make(chan struct{})
			lock.Lock()
			leave(&l, func() {
				lock.Lock()
				defer lock.Unlock()
				close(ran)
			})
			lock.Unlock()
			select {
			case <-ran:
			case <-time.After(10 * time.Second):
				t.Fatal("what waited did not run")
			}
			done := make(chan struct{})
			l.Later(func() { close(done) })
			<-done
		})
	}
}
