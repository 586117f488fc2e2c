// SPDX-License-Identifier: Apache-2.0

package universe

import (
	"container/heap"
	"math"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
)

// timers are those of util.timer. One goroutine runs them, one after the other.
type timers struct {
	sync.Mutex // guards queue and last
	queue      timerQueue
	last       uint64
	changed    chan struct{}
}

// timer is one call that is due. It is Lua's id of the timer too.
type timer struct {
	due    time.Time
	order  uint64 // of those due at the same time
	at     int    // in the queue; -1: not in it
	run    func(l *lua.LState, now time.Time) time.Duration
	task   *Task
	handle *lua.LUserData
}

type timerQueue []*timer

func (q timerQueue) Len() int { return len(q) }
func (q timerQueue) Less(i, j int) bool {
	if !q[i].due.Equal(q[j].due) {
		return q[i].due.Before(q[j].due)
	}
	return q[i].order < q[j].order
}

func (q timerQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

func (q *timerQueue) Push(x any) {
	t, _ := x.(*timer)
	t.at = len(*q)
	*q = append(*q, t)
}

func (q *timerQueue) Pop() any {
	old := *q
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*q, t.at = old[:len(old)-1], -1
	return t
}

func (u *Universe) startTimers() {
	u.timers.changed = make(chan struct{}, 1)
	u.loaders["util.timer"] = u.timerLibrary
	u.tasks.Go(u.runTimers)
}

// After calls fn on the timers' goroutine once d has passed, and again after
// what it returns, if that is not negative. It returns a function that stops it.
func (u *Universe) After(t *Task, d time.Duration, fn func(l *lua.LState, now time.Time) time.Duration) (stop func() bool) {
	due := &timer{at: -1, run: fn, task: t}
	u.timers.set(due, d)
	return func() bool { return u.timers.remove(due) }
}

// set makes t due in d.
func (q *timers) set(t *timer, d time.Duration) {
	due := time.Now().Add(max(d, 0))
	q.Lock()
	defer q.Unlock()
	q.last++
	t.order, t.due = q.last, due
	if q.has(t) {
		heap.Fix(&q.queue, t.at)
	} else {
		heap.Push(&q.queue, t)
	}
	if q.queue[0] == t {
		select {
		case q.changed <- struct{}{}:
		default:
		}
	}
}

func (q *timers) has(t *timer) bool {
	return t.at >= 0 && t.at < len(q.queue) && q.queue[t.at] == t
}

func (q *timers) remove(t *timer) bool {
	q.Lock()
	defer q.Unlock()
	if !q.has(t) {
		return false
	}
	heap.Remove(&q.queue, t.at)
	return true
}

// next takes the timer that is due, or tells how long there is none.
func (q *timers) next(now time.Time) (t *timer, wait time.Duration) {
	q.Lock()
	defer q.Unlock()
	if len(q.queue) == 0 {
		return nil, math.MaxInt64
	}
	if wait = q.queue[0].due.Sub(now); wait > 0 {
		return nil, wait
	}
	t, _ = heap.Pop(&q.queue).(*timer)
	return t, 0
}

func (u *Universe) runTimers() {
	clock := time.NewTimer(math.MaxInt64)
	defer clock.Stop()
	for {
		now := time.Now()
		t, wait := u.timers.next(now)
		if t == nil {
			clock.Reset(wait)
			select {
			case <-u.closing:
				return
			case <-u.timers.changed:
			case <-clock.C:
			}
			continue
		}
		again := time.Duration(-1)
		err := u.Do((*root)(u), t.task, func(l *lua.LState) { again = t.run(l, now) })
		switch {
		case u.closed.Load():
			return
		case err != nil:
			u.report(err)
		case again >= 0:
			u.timers.set(t, again)
		}
	}
}

// seconds returns number argument n as a duration.
func seconds(l *lua.LState, n int) time.Duration {
	s := float64(l.CheckNumber(n)) * float64(time.Second)
	return time.Duration(min(max(s, 0), math.MaxInt64/4))
}

const timerType = "tercet.timer"

func (u *Universe) timerLibrary(l *lua.LState) int {
	mt := l.NewTypeMetatable(timerType)
	mt.RawSetString("__tostring", l.NewFunction(func(l *lua.LState) int { l.Push(lua.LString("timer")); return 1 }))
	t := l.CreateTable(0, 3)
	lua51.Set(l, t, map[string]lua.LGFunction{
		"add_task": u.addTask,
		"stop": func(l *lua.LState) int {
			t := timerArg(l)
			l.Push(lua.LBool(t != nil && u.timers.remove(t)))
			return 1
		},
		"reschedule": func(l *lua.LState) int {
			if t := timerArg(l); t != nil {
				u.timers.set(t, seconds(l, 2))
			}
			l.SetTop(1)
			return 1
		},
	})
	l.Push(t)
	return 1
}

func timerArg(l *lua.LState) *timer {
	ud, ok := l.Get(1).(*lua.LUserData)
	if !ok {
		return nil
	}
	t, _ := ud.Value.(*timer)
	return t
}

// addTask is timer.add_task(delay, callback(now, id, param), param).
func (u *Universe) addTask(l *lua.LState) int {
	d, fn, param := seconds(l, 1), l.CheckFunction(2), l.Get(3)
	t := &timer{at: -1, task: &Task{Name: "timer " + describeFunction(fn)}, handle: l.NewUserData()}
	t.handle.Value, t.handle.Metatable = t, l.GetTypeMetatable(timerType)
	t.run = func(l *lua.LState, now time.Time) time.Duration {
		l.Push(fn)
		l.Push(lua.LNumber(float64(now.UnixMicro()) / 1e6))
		l.Push(t.handle)
		l.Push(param)
		l.Call(3, 1)
		if n, ok := l.Get(-1).(lua.LNumber); ok {
			return time.Duration(max(float64(n), 0) * float64(time.Second))
		}
		return -1
	}
	u.timers.set(t, d)
	l.Push(t.handle)
	return 1
}
