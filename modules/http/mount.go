// SPDX-License-Identifier: Apache-2.0

package http

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tercet/config"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/route"
)

// A mount is an app in its place. It knows the requests that are at work in
// the app: the module's scope waits for them.
type mount struct {
	app     string
	scope   *ext.Scope
	host    *route.Host // nil: every host
	methods []string
	limit   int64 // bytes of a body; negative: none
	cors    *cors
	grace   func() time.Duration

	mu      sync.Mutex // guards what follows
	flights map[*flight]bool
	ending  bool
	waiting bool          // end is at work
	landed  chan struct{} // closed when nothing is at work any more; nil when nobody waits
}

// A flight is one request at work.
type flight struct {
	mount   *mount
	cancel  context.CancelCauseFunc
	control *http.ResponseController
	release func()
	gone    atomic.Bool // the client is no longer listened to

	mu    sync.Mutex // guards ended, and held while the connection is told
	ended bool
}

// errGone is why a request is given up.
var errGone = errors.New("the module has been unloaded or the server stops")

// watch has the requests end when the module does.
func (m *mount) watch() { context.AfterFunc(m.scope.Context(), m.end) }

// begin counts a request; the pass in which m was found has not ended yet, so
// that the scope is not closed.
func (m *mount) begin(cancel context.CancelCauseFunc, control *http.ResponseController) *flight {
	f := &flight{mount: m, cancel: cancel, control: control, release: m.scope.Hold()}
	m.mu.Lock()
	m.flights[f] = true
	late := m.ending && !m.waiting
	m.mu.Unlock()
	if late {
		m.watch()
	}
	return f
}

// end takes the request out, once its handler has returned.
func (f *flight) end() {
	f.mu.Lock()
	f.ended = true
	f.mu.Unlock()
	m := f.mount
	m.mu.Lock()
	delete(m.flights, f)
	if len(m.flights) == 0 && m.landed != nil {
		close(m.landed)
		m.landed = nil
	}
	m.mu.Unlock()
	f.cancel(nil)
	f.release()
}

// end gives requests the time that streams have when the server stops, and
// then takes their contexts and connections away.
func (m *mount) end() {
	m.mu.Lock()
	m.ending = true
	if len(m.flights) == 0 || m.waiting {
		m.mu.Unlock()
		return
	}
	landed := make(chan struct{})
	m.landed, m.waiting = landed, true
	m.mu.Unlock()

	wait := time.NewTimer(m.grace())
	defer wait.Stop()
	select {
	case <-landed:
	case <-wait.C:
	}
	m.mu.Lock()
	m.waiting = false
	rest := slices.Collect(maps.Keys(m.flights))
	m.mu.Unlock()
	for _, f := range rest {
		f.abort()
	}
}

// abort wakes a handler that waits for its client.
func (f *flight) abort() {
	f.gone.Store(true)
	f.cancel(errGone)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return
	}
	_ = f.control.SetReadDeadline(time.Unix(1, 0))  // a connection that was hijacked is the handler's
	_ = f.control.SetWriteDeadline(time.Unix(1, 0)) // the same
}

// graceOf is network_settings.shutdown_deadline as it is when it counts.
func graceOf(env *module.Env) func() time.Duration {
	return func() time.Duration {
		const usual = 5 * time.Second
		c := env.Config()
		if c == nil {
			return usual
		}
		settings, _ := c.Lookup("", "network_settings")
		v, ok := settings.Get("shutdown_deadline")
		switch {
		case ok && v.Kind() == config.Number:
			return time.Duration(v.Number() * float64(time.Second))
		case ok && v.Kind() == config.String:
			if d, err := config.ParsePeriod(v.Str()); err == nil {
				return d
			}
		}
		return usual
	}
}
