// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"errors"
	"os"
	"time"

	"google.golang.org/protobuf/proto"

	"tercet/modules/guest"
)

// The waits before a process is started again: each is twice the one before.
const (
	firstWait = 100 * time.Millisecond
	lastWait  = 30 * time.Second
	health    = time.Minute // after so long a life it is the first again
)

var errDiffers = errors.New("it attaches other things than the process before it")

// supervise starts another process when one has ended.
func (p *plugin) supervise(ctx context.Context) {
	wait := firstWait
	for s := p.session.Load(); s != nil; {
		select {
		case <-s.over:
		case <-ctx.Done():
			return
		}
		p.session.Store(nil)
		p.scope.Suspend()
		reason := s.end()
		p.memory.Set(0)
		p.guard.Missed(ctx, "process", reason)
		if time.Since(s.began) > health {
			wait = firstWait
		}
		if s, wait = p.again(ctx, wait); s == nil {
			return
		}
		p.session.Store(s)
		if !p.guard.Suspended() {
			p.scope.Resume()
		}
		p.measure(ctx)
		p.scope.Log.InfoContext(ctx, "the guest's process runs again", "pid", s.child.ID())
	}
}

// again starts processes until one stays, and returns the next wait, too. It
// gives up when the scope ends, or the guest is suspended for good.
func (p *plugin) again(ctx context.Context, wait time.Duration) (*session, time.Duration) {
	for !p.guard.Suspended() {
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, wait
		}
		wait = min(2*wait, lastWait)
		s, loaded, err := p.start(ctx)
		if err == nil && !proto.Equal(loaded, p.loaded) {
			err = errDiffers
			s.fail(err)
			_ = s.end()
		}
		switch {
		case err == nil:
			return s, wait
		case ctx.Err() != nil:
			return nil, wait
		}
		p.guard.Missed(ctx, "start", err)
	}
	return nil, wait
}

// end ends what is left of a session that is over, and says why it is.
func (s *session) end() error {
	state := ""
	if !errors.Is(s.reason(), errHung) {
		state = s.child.soonEnded() // by itself
	}
	s.child.kill()
	s.stop()
	s.work.Wait()
	if state != "" {
		return errors.New(state)
	}
	return s.reason()
}

// reason is why the session is over.
func (s *session) reason() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// close ends the process: it is told so, and killed if it does not end.
func (p *plugin) close() error {
	close(p.over)
	if s := p.session.Swap(nil); s != nil {
		s.farewell()
		ended := make(chan struct{})
		guest.Detach(func() {
			defer close(ended)
			s.stop()
		})
		t := time.NewTimer(grace + grace/2)
		defer t.Stop()
		select {
		case <-ended:
		case <-t.C:
			s.child.kill()
			<-ended
		}
		s.fail(errGone)
		s.work.Wait()
	}
	if p.sockets == "" {
		return nil
	}
	return os.RemoveAll(p.sockets)
}

// measureEvery is how often the memory of a process is looked at.
const measureEvery = 10 * time.Second

// measure tells how much memory the process has.
func (p *plugin) measure(context.Context) {
	if s := p.session.Load(); s != nil {
		p.memory.Set(s.child.resident())
	}
}
