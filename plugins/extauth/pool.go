// SPDX-License-Identifier: Apache-2.0

package extauth

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

var (
	errDown = errors.New("no script is running")
	errBusy = errors.New("all scripts are at work")
)

// Between two starts of a script that does not get as far as an answer lies a
// pause, which doubles.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 30 * time.Second
	// shortPause is one that questions wait out.
	shortPause = time.Second
)

// A pool is several processes of one script, each with a worker.
type pool struct {
	argv    []string
	proto   protocol
	timeout time.Duration
	log     hclog.Logger

	jobs    chan *job
	closed  chan struct{}
	starts  chan func() // to the thread that starts processes
	workers sync.WaitGroup
	once    sync.Once // guards the end

	mu   sync.Mutex    // guards what follows
	up   int           // workers that are not in a long pause
	down chan struct{} // closed while up is 0
	last error         // why the last script was ended
}

// A job is a question on its way.
type job struct {
	ctx    context.Context //nolint:containedctx // a question's own, for who takes it out of the queue
	frame  []byte
	secret string
	reply  chan reply // has room for one
}

type reply struct {
	yes bool
	err error
}

// newPool starts size processes. It fails if the first can not be started.
func newPool(argv []string, proto protocol, size int, timeout time.Duration, log hclog.Logger) (*pool, error) {
	p := &pool{
		argv: argv, proto: proto, timeout: timeout, log: log,
		jobs: make(chan *job), closed: make(chan struct{}), starts: make(chan func()),
		up: size, down: make(chan struct{}),
	}
	go p.start()
	first, err := p.launch()
	if err != nil {
		close(p.starts)
		return nil, err
	}
	for i := range size {
		p.workers.Add(1)
		if i > 0 {
			first = nil
		}
		go p.work(first)
	}
	return p, nil
}

// start is the thread that starts scripts: the system kills them when it ends,
// and it ends only with this program.
func (p *pool) start() {
	runtime.LockOSThread()
	for fn := range p.starts {
		fn()
	}
}

func (p *pool) launch() (script *process, err error) {
	done := make(chan struct{})
	p.starts <- func() {
		defer close(done)
		script, err = launch(p.argv, p.proto, p.closed, p.log)
	}
	<-done
	return script, err
}

// close ends all scripts; whoever waits for an answer is told. A second time
// it does nothing.
func (p *pool) close() {
	p.once.Do(func() {
		close(p.closed)
		p.workers.Wait()
		close(p.starts)
	})
}

// work keeps one process running.
func (p *pool) work(script *process) {
	defer p.workers.Done()
	pause := firstPause
	for {
		var err error
		if script == nil {
			script, err = p.launch()
		}
		answered := 0
		if err == nil {
			answered, err = p.serve(script)
			state := script.end(err)
			script = nil
			if err != nil {
				p.log.Warn("a script is replaced", "err", err.Error(), "state", state, "answered", answered)
			}
		} else {
			p.log.Error("the script does not start", "err", err.Error())
		}
		select {
		case <-p.closed:
			return
		default:
		}
		if answered > 0 {
			pause = firstPause
			continue
		}
		if !p.rest(pause, err) {
			return
		}
		pause = min(2*pause, lastPause)
	}
}

// rest waits before the next start, and reports whether there is to be one.
func (p *pool) rest(pause time.Duration, cause error) bool {
	if pause >= shortPause {
		p.leave(cause)
		defer p.enter()
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-p.closed:
		return false
	case <-timer.C:
		return true
	}
}

// leave counts a worker out: when all are, nobody waits for one.
func (p *pool) leave(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = cause
	if p.up--; p.up == 0 {
		close(p.down)
	}
}

func (p *pool) enter() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.up++; p.up == 1 {
		p.down = make(chan struct{})
	}
}

// serve puts questions to a process until it fails, or the pool is closed.
func (p *pool) serve(script *process) (answered int, err error) {
	for {
		select {
		case <-p.closed:
			return answered, nil
		case b, open := <-script.out:
			return answered, unasked(b, open)
		case j := <-p.jobs:
			if j.ctx.Err() != nil { // nobody waits for it any more
				j.reply <- reply{err: j.ctx.Err()}
				continue
			}
			yes, err := script.ask(j.frame, j.secret, p.timeout)
			j.reply <- reply{yes, err}
			if err != nil {
				return answered, err
			}
			answered++
		}
	}
}

// ask puts a question to a script that is free. If the script dies over it,
// another one is asked, once, if the question allows that.
func (p *pool) ask(ctx context.Context, q *question) (bool, error) {
	line, err := q.line()
	if err != nil {
		return false, err
	}
	frame, err := p.proto.frame(line)
	if err != nil {
		return false, err
	}
	j := &job{ctx: ctx, frame: frame, secret: q.password, reply: make(chan reply, 1)}
	yes, err := p.put(ctx, j)
	if errors.Is(err, errDied) && q.twice() {
		yes, err = p.put(ctx, j)
	}
	return yes, err
}

// put hands the job to a worker and waits for what comes of it.
func (p *pool) put(ctx context.Context, j *job) (bool, error) {
	p.mu.Lock()
	down, last := p.down, p.last
	p.mu.Unlock()
	select {
	case p.jobs <- j:
	case <-down:
		return false, fmt.Errorf("%w: %w", errDown, last)
	case <-ctx.Done():
		return false, fmt.Errorf("%w: %w", errBusy, context.Cause(ctx))
	case <-p.closed:
		return false, errClosed
	}
	select {
	case r := <-j.reply:
		return r.yes, r.err
	case <-ctx.Done():
		return false, fmt.Errorf("wait for the script: %w", context.Cause(ctx))
	}
}
