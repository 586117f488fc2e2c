// SPDX-License-Identifier: Apache-2.0

package universe

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
)

// MayWait reports whether what runs may wait: the lock is then another's
// meanwhile, so it must be on a goroutine that nobody else waits for.
func (u *Universe) MayWait() bool { return u.now.waits }

// Running is the name of the task that runs.
func (u *Universe) Running() string { return u.now.task.Name }

// Wait gives the lock away until ready is closed or receives. The time is not
// the task's. It raises an error if the task's context or the universe ends.
func (u *Universe) Wait(l *lua.LState, ready <-chan struct{}) {
	f := u.now
	ctx := f.ctx
	u.disarm(f)
	u.now = nil
	u.leave(nil)
	var why error
	select {
	case <-ready:
	case <-ctx.Done():
		why = context.Cause(ctx)
	case <-u.closing:
		why = ErrClosed
	}
	u.take()
	u.now = f
	u.arm(f)
	if why != nil {
		l.RaiseError("the wait has ended: %s", why.Error())
	}
}

// Block calls fn, which may take its time: it reads from a disk or a network,
// but does not enter the universe. If the task may wait, the lock is another's
// meanwhile.
func (u *Universe) Block(fn func(ctx context.Context)) {
	f := u.now
	ctx := Detach(f.ctx)
	u.disarm(f)
	if f.waits {
		u.now = nil
		u.leave(nil)
	}
	defer func() {
		if f.waits {
			u.take()
			u.now = f
		}
		u.arm(f)
	}()
	fn(ctx)
}

// parking is where a task of its own goroutine waits for another to wake it.
type parking struct {
	ready chan struct{}
	woken bool
}

const parkingType = "tercet.parking"

// openTask makes the library tercet.task, which util.async stands on.
func (u *Universe) openTask() {
	l := u.main
	mt := l.NewTypeMetatable(parkingType)
	methods := l.CreateTable(0, 2)
	lua51.Set(l, methods, map[string]lua.LGFunction{"wait": u.parkWait, "wake": parkWake})
	mt.RawSetString("__index", methods)
	u.loaders["tercet.task"] = func(l *lua.LState) int {
		t := l.CreateTable(0, 2)
		lua51.Set(l, t, map[string]lua.LGFunction{
			"parking": u.newParking,
			"waits":   func(l *lua.LState) int { l.Push(lua.LBool(u.mayPark())); return 1 },
			"log":     u.taskLog,
		})
		l.Push(t)
		return 1
	}
}

// mayPark reports whether a wait of what runs holds up only its own goroutine:
// in a coroutine it would hold up who resumed it.
func (u *Universe) mayPark() bool { return u.now.waits && u.now.fiber.co == nil }

// newParking returns a place to wait, or nil where that is not possible.
func (u *Universe) newParking(l *lua.LState) int {
	if !u.mayPark() {
		l.Push(lua.LNil)
		return 1
	}
	ud := l.NewUserData()
	ud.Value = &parking{ready: make(chan struct{})}
	ud.Metatable = l.GetTypeMetatable(parkingType)
	l.Push(ud)
	return 1
}

func checkParking(l *lua.LState) *parking {
	p, ok := l.CheckUserData(1).Value.(*parking)
	if !ok {
		l.ArgError(1, "parking expected")
	}
	return p
}

func (u *Universe) parkWait(l *lua.LState) int {
	if p := checkParking(l); !p.woken {
		u.Wait(l, p.ready)
	}
	return 0
}

func parkWake(l *lua.LState) int {
	if p := checkParking(l); !p.woken {
		p.woken = true
		close(p.ready)
	}
	return 0
}

// taskLog is log(level, name, text).
func (u *Universe) taskLog(l *lua.LState) int {
	u.Logf(l.CheckString(1), l.CheckString(2), l.CheckString(3))
	return 0
}
