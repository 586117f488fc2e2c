// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	"tercet/modules/guest"
	"tercet/sdk/proto/modulepb"
)

// Bounds of what crosses.
const (
	maxEvent   = 1 << 20  // bytes of an event
	maxBatch   = 1 << 20  // bytes in one message of ours, but for the last thing in it
	maxMessage = 16 << 20 // bytes of a message of the plugin
	maxWaiting = 256      // requests that wait, and results
)

// Why an event was not answered.
var (
	errTimeout = errors.New("no answer within the limit")
	errBusy    = errors.New("too many events wait for their answers")
	errGone    = errors.New("the process has gone")
	errHung    = errors.New("the process does not answer any more")
)

// A session is the stream of one process: events go out, as many in one message
// as wait, and answers come in, in any order.
type session struct {
	plugin *plugin
	child  *child
	stream grpc.BidiStreamingClient[modulepb.FromServer, modulepb.FromPlugin]
	cancel context.CancelFunc // ends the stream
	stop   func()             // ends the process, in go-plugin's way
	began  time.Time

	window   chan struct{}          // holds a token for each event that is not answered
	wake     chan struct{}          // there is something to send
	drained  chan struct{}          // results were taken
	requests chan *modulepb.Request // for the store
	over     chan struct{}          // closed when the stream has ended
	work     sync.WaitGroup         // its goroutines

	mu      sync.Mutex // guards what follows
	events  []*modulepb.Event
	results []*modulepb.Result
	goodbye farewell
	calls   map[uint64]*call // nil: nobody waits for the answer any more
	last    uint64           // id of an event
	silence silence
	err     error // why it is over
}

// A farewell is said once, behind all else.
type farewell int

const (
	unsaid farewell = iota
	due
	said
)

// A call waits for the answer to one event.
type call struct {
	answer chan *modulepb.Answer // nil: the session is over
	timer  *time.Timer
	sent   bool // guarded by session.mu
}

var calls = sync.Pool{New: func() any {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &call{answer: make(chan *modulepb.Answer, 1), timer: t}
}}

func newSession(p *plugin, c *child, stream grpc.BidiStreamingClient[modulepb.FromServer, modulepb.FromPlugin], cancel context.CancelFunc) *session {
	return &session{
		plugin: p, child: c, stream: stream, cancel: cancel, began: time.Now(),
		window: make(chan struct{}, p.Window), wake: make(chan struct{}, 1), drained: make(chan struct{}, 1),
		requests: make(chan *modulepb.Request, maxWaiting), over: make(chan struct{}),
		calls: make(map[uint64]*call),
	}
}

// run starts what reads and writes.
func (s *session) run() {
	for _, fn := range [...]func(){
		func() { s.fail(s.read()) },
		func() { s.fail(s.write()) },
		s.serve,
	} {
		s.work.Add(1)
		guest.Detach(func() {
			defer s.work.Done()
			fn()
		})
	}
}

// fail ends the session; the first error is why.
func (s *session) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isOver() {
		return
	}
	s.err = err
	close(s.over)
	s.cancel()
	for _, c := range s.calls {
		if c != nil {
			c.answer <- nil // there is room: it was not answered
		}
	}
	clear(s.calls)
	s.events, s.results = nil, nil
}

func (s *session) isOver() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// ask hands an event to the plugin and waits for its answer, for at most limit
// in all.
func (s *session) ask(ctx context.Context, handler uint32, body []byte, limit time.Duration) (*modulepb.Answer, error) {
	c := calls.Get().(*call) //nolint:forcetypeassert // the pool has no others
	defer calls.Put(c)
	c.timer.Reset(limit)
	defer c.timer.Stop()
	if err := s.enter(ctx, c); err != nil {
		return nil, err
	}
	id := s.enqueue(c, handler, body)
	if id == 0 {
		return nil, errGone
	}
	var err error
	select {
	case a := <-c.answer:
		return arrived(a)
	case <-c.timer.C:
		err = errTimeout
	case <-ctx.Done():
		err = ctx.Err()
	}
	if !s.abandon(c, id) { // the answer has come after all
		return arrived(<-c.answer)
	}
	return nil, s.missed(err)
}

// enter takes a place in the window.
func (s *session) enter(ctx context.Context, c *call) error {
	select {
	case s.window <- struct{}{}:
		return nil
	default:
	}
	select {
	case s.window <- struct{}{}:
		return nil
	case <-s.over:
		return errGone
	case <-c.timer.C:
		return s.missed(errBusy)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func arrived(a *modulepb.Answer) (*modulepb.Answer, error) {
	if a == nil {
		return nil, errGone
	}
	return a, nil
}

// enqueue returns the event's id; 0: the session is over.
func (s *session) enqueue(c *call, handler uint32, body []byte) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isOver() {
		return 0
	}
	s.last++
	c.sent = false
	s.calls[s.last] = c
	s.events = append(s.events, &modulepb.Event{Id: s.last, Handler: handler, Body: body})
	s.stir()
	return s.last
}

func (s *session) stir() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// abandon gives up an event, and reports whether its answer had not come. One
// that the plugin has keeps its place in the window until it is answered.
func (s *session) abandon(c *call, id uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls[id] != c {
		return false
	}
	if c.sent {
		s.calls[id] = nil
		return true
	}
	delete(s.calls, id)
	s.events = slices.DeleteFunc(s.events, func(ev *modulepb.Event) bool { return ev.Id == id })
	<-s.window
	return true
}

// missed notes an event that was not answered in time.
func (s *session) missed(err error) error {
	if !errors.Is(err, errTimeout) && !errors.Is(err, errBusy) {
		return err
	}
	s.mu.Lock()
	hung := s.silence.more(time.Now(), s.plugin.Limit)
	s.mu.Unlock()
	if hung {
		s.fail(errHung)
	}
	return err
}

// deliver hands an answer to who waits for it.
func (s *session) deliver(a *modulepb.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, known := s.calls[a.Id]
	if !known {
		return // it was answered, or never asked
	}
	delete(s.calls, a.Id)
	<-s.window
	if c == nil {
		s.silence.late = true
		return
	}
	s.silence = silence{}
	c.answer <- a
}

// read reads what the plugin says until the end of the stream.
func (s *session) read() error {
	for {
		m, err := s.stream.Recv()
		if err != nil {
			return err
		}
		for _, a := range m.Answers {
			s.deliver(a)
		}
		s.plugin.output.hear(m.Lines)
		for _, r := range m.Requests {
			select {
			case s.requests <- r:
			case <-s.over:
				return errGone
			}
		}
	}
}

// write sends what waits, all of it in one message.
func (s *session) write() error {
	for {
		select {
		case <-s.wake:
		case <-s.over:
			return errGone
		}
		runtime.Gosched() // streams at work come first: fewer messages, with more in each
		for m := s.take(); m != nil; m = s.take() {
			if err := s.stream.Send(m); err != nil {
				<-s.over // Recv knows why
				return fmt.Errorf("send: %w", err)
			}
		}
	}
}

// take takes what waits to be sent; nil: nothing.
func (s *session) take() *modulepb.FromServer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events)+len(s.results) == 0 {
		if s.goodbye != due {
			return nil
		}
		s.goodbye = said
		return &modulepb.FromServer{Goodbye: true}
	}
	n, size := 0, 0
	for ; n < len(s.events) && size < maxBatch; n++ {
		size += len(s.events[n].Body)
		if c := s.calls[s.events[n].Id]; c != nil {
			c.sent = true
		}
	}
	m := &modulepb.FromServer{Events: s.events[:n:n]}
	s.events = s.events[n:]
	if len(s.events) == 0 {
		s.events = nil
	}
	n = 0
	for ; n < len(s.results) && size < maxBatch; n++ {
		size += len(s.results[n].Value)
	}
	m.Results, s.results = s.results[:n:n], s.results[n:]
	if n > 0 {
		select {
		case s.drained <- struct{}{}:
		default:
		}
	}
	return m
}

// answer queues the result of a request. It waits while too many are queued.
func (s *session) answer(r *modulepb.Result) {
	for !s.queued(r) {
		select {
		case <-s.drained:
		case <-s.over:
			return
		}
	}
}

func (s *session) queued(r *modulepb.Result) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.results) >= maxWaiting {
		return false
	}
	s.results = append(s.results, r)
	s.stir()
	return true
}

// farewell tells the plugin that nothing follows, and waits a moment for it to
// end the stream.
func (s *session) farewell() {
	s.mu.Lock()
	s.goodbye = due
	s.stir()
	s.mu.Unlock()
	t := time.NewTimer(grace / 4)
	defer t.Stop()
	select {
	case <-s.over:
	case <-t.C:
	}
}

// A silence is a row of events that were not answered in time.
type silence struct {
	row  int
	from time.Time // when the first was given up
	late bool      // some have been answered, too late
}

// How long a silence is borne: of a process that says nothing at all, of one
// whose answers come too late, and of one with little to do. The first is at
// least three times the limit.
const (
	hungAfter  = time.Second
	lateAfter  = 10 * time.Second
	quietAfter = 30 * time.Second
)

// more adds an event, and reports whether the process is to be ended.
func (s *silence) more(now time.Time, limit time.Duration) bool {
	if s.row++; s.row == 1 {
		s.from = now
	}
	d, bear := now.Sub(s.from), max(hungAfter, 3*limit)
	if s.late {
		bear = max(lateAfter, 3*limit)
	}
	return s.row >= 10 && d > bear || s.row >= 3 && d > max(quietAfter, 3*limit)
}
