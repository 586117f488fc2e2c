// SPDX-License-Identifier: Apache-2.0

// Package process is what plugins of Tercet in Go are written with: modules in
// a process of their own (sdk/README.md). A plugin calls Serve in its main, and
// attaches its handlers in the function that it gives to it.
package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"tercet.example/process/modulepb"
)

// What the server may answer.
var (
	ErrNone        = errors.New("tercet: there is no such value")
	ErrDenied      = errors.New("tercet: not granted")
	ErrMalformed   = errors.New("tercet: malformed")
	ErrLarge       = errors.New("tercet: too large")
	ErrUnavailable = errors.New("tercet: the store does not answer")
	ErrOver        = errors.New("tercet: the session is over")
)

// A Verdict is what a handler says of its event.
type Verdict int32

// The verdicts: other handlers follow, or none.
const (
	Next = Verdict(modulepb.Verdict_NEXT)
	Stop = Verdict(modulepb.Verdict_STOP)
)

// A Handler handles an event. With an error, nothing that it asked for takes
// effect, and the server goes by on_failure. Handlers run at the same time, as
// many as the window of the config.
type Handler func(*Event) (Verdict, error)

// An Event is a stanza in XML or JSON, and what shall be done about it: all of
// that takes effect when the handler has returned, or nothing of it where one
// thing is refused.
type Event struct {
	Body   []byte
	answer *modulepb.Answer
}

// Reply answers the stanza with the elements of a payload; an <error/> makes it
// an error.
func (e *Event) Reply(xml string) { e.answer.Reply = []byte(xml) }

// Replace replaces the stanza by one with another payload, or the JSON of an
// event that may be changed.
func (e *Event) Replace(text string) { e.answer.Replace = []byte(text) }

// Send sends a stanza, from the host itself.
func (e *Event) Send(xml string) { e.answer.Sends = append(e.answer.Sends, []byte(xml)) }

// A Hook is one of the extension points of sdk/api.txt.
type Hook struct {
	Name     string
	Priority float64 // higher first
	Filter   string  // "type=chat child=jabber:client:body"; empty: all events
}

// A Plugin is the module as the server has loaded it.
type Plugin struct {
	Host    string
	Name    string
	Version string // of the server
	Limit   time.Duration

	options  json.RawMessage
	loaded   *modulepb.Loaded
	handlers []Handler // by number, from 1

	out  chan any      // answers, requests and lines
	over chan struct{} // closed at the end of the session

	mu      sync.Mutex // guards what follows
	last    uint64
	waiting map[uint64]chan *modulepb.Result
}

// Serve serves the server that has started this process, until it is over.
// load attaches the same whenever it is called.
func Serve(load func(*Plugin) error) {
	m := &module{load: load}
	m.orphan = time.AfterFunc(patience, func() { os.Exit(1) })
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{ProtocolVersion: protocol, MagicCookieKey: "TERCET_PLUGIN", MagicCookieValue: "module"},
		Plugins:         plugin.PluginSet{"module": m},
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(o, grpc.MaxRecvMsgSize(maxMessage))...)
		},
		Logger: hclog.NewNullLogger(),
	})
}

// protocol is the version that this package speaks.
const protocol = 1

// What is in a message at most: so many answers and the like, and no more of
// them once they have so many bytes; and how many an answer may have, of which
// the server refuses most, too.
const (
	maxItems   = 256
	maxBatch   = 1 << 20
	maxAnswer  = 4 << 20
	maxMessage = 16 << 20
)

// patience is how long the server may take to call.
const patience = 30 * time.Second

// A module is go-plugin's and gRPC's view of the plugin.
type module struct {
	plugin.NetRPCUnsupportedPlugin
	modulepb.UnimplementedModuleServer
	load   func(*Plugin) error
	orphan *time.Timer // ends a process that nobody calls any more
}

func (m *module) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	modulepb.RegisterModuleServer(s, m)
	return nil
}

func (m *module) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("this is the plugin's side")
}

// Session serves the one stream. When it ends there is nothing left to do.
func (m *module) Session(stream grpc.BidiStreamingServer[modulepb.FromServer, modulepb.FromPlugin]) error {
	m.orphan.Stop()
	defer m.orphan.Reset(patience / 6) // who has started us asks us to end before, or has gone
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	w := first.GetWelcome()
	if w.GetProtocol() != protocol {
		return stream.Send(&modulepb.FromPlugin{Loaded: &modulepb.Loaded{Error: fmt.Sprintf("the server speaks protocol %d, not %d", w.GetProtocol(), protocol)}})
	}
	p := &Plugin{
		Host: w.GetHost(), Name: w.GetName(), Version: w.GetVersion(), Limit: time.Duration(w.GetLimitMs()) * time.Millisecond,
		options: w.GetOptions(), loaded: new(modulepb.Loaded),
		out: make(chan any, maxItems), over: make(chan struct{}), waiting: make(map[uint64]chan *modulepb.Result),
	}
	var writer sync.WaitGroup
	writer.Go(func() { p.write(stream) })
	go p.attach(m.load)
	p.read(stream)
	close(p.over)
	writer.Wait()
	return nil
}

func (p *Plugin) attach(load func(*Plugin) error) {
	if err := load(p); err != nil {
		p.loaded = &modulepb.Loaded{Error: err.Error()}
	}
	p.put(p.loaded)
}

// put queues something to be sent; false: the session is over.
func (p *Plugin) put(v any) bool {
	select {
	case p.out <- v:
		return true
	case <-p.over:
		return false
	}
}

// write sends what waits, all of it in one message.
func (p *Plugin) write(stream grpc.BidiStreamingServer[modulepb.FromServer, modulepb.FromPlugin]) {
	for {
		m, items, size := new(modulepb.FromPlugin), 0, 0
		select {
		case v := <-p.out:
			size = add(m, v)
		case <-p.over:
			return
		}
		runtime.Gosched() // handlers at work finish first: fewer messages, with more in each
		for more := true; more && items < maxItems && size < maxBatch; items++ {
			select {
			case v := <-p.out:
				size += add(m, v)
			default:
				more = false
			}
		}
		if stream.Send(m) != nil {
			return
		}
	}
}

// add adds something to a message, and returns about how many bytes it has.
func add(m *modulepb.FromPlugin, v any) int {
	switch v := v.(type) {
	case *modulepb.Answer:
		m.Answers = append(m.Answers, v)
		return length(v)
	case *modulepb.Request:
		m.Requests = append(m.Requests, v)
		return len(v.Value)
	case *modulepb.Line:
		m.Lines = append(m.Lines, v)
		return len(v.Text)
	case *modulepb.Loaded:
		m.Loaded = v
	}
	return 0
}

func length(a *modulepb.Answer) int {
	n := len(a.Reply) + len(a.Replace)
	for _, b := range a.Sends {
		n += len(b)
	}
	return n
}

// read hands out what comes, until the end.
func (p *Plugin) read(stream grpc.BidiStreamingServer[modulepb.FromServer, modulepb.FromPlugin]) {
	for {
		m, err := stream.Recv()
		if err != nil || m.GetGoodbye() {
			return
		}
		for _, r := range m.GetResults() {
			p.mu.Lock()
			done := p.waiting[r.GetId()]
			delete(p.waiting, r.GetId())
			p.mu.Unlock()
			if done != nil {
				done <- r
			}
		}
		for _, ev := range m.GetEvents() {
			go p.event(ev)
		}
	}
}

func (p *Plugin) event(ev *modulepb.Event) {
	e := &Event{Body: ev.GetBody(), answer: &modulepb.Answer{Id: ev.GetId()}}
	v, err := p.handlers[ev.GetHandler()-1](e)
	if n := length(e.answer); err == nil && n > maxAnswer {
		err = fmt.Errorf("the answer has %d bytes: %w", n, ErrLarge)
	}
	if e.answer.Verdict = modulepb.Verdict(v); err != nil {
		e.answer = &modulepb.Answer{Id: ev.GetId(), Verdict: modulepb.Verdict_FAILED, Error: err.Error()}
	}
	p.put(e.answer)
}

// Handle attaches a handler. It is called while the plugin loads only.
func (p *Plugin) Handle(h Hook, fn Handler) {
	p.handlers = append(p.handlers, fn)
	p.loaded.Hooks = append(p.loaded.Hooks, &modulepb.Hook{Handler: uint32(len(p.handlers)), Name: h.Name, Priority: h.Priority, Filter: h.Filter})
}

// Every attaches a handler that is called each d, at least 100 ms, with {}. It
// is called while the plugin loads only.
func (p *Plugin) Every(d time.Duration, fn Handler) {
	p.handlers = append(p.handlers, fn)
	p.loaded.Timers = append(p.loaded.Timers, &modulepb.Timer{Handler: uint32(len(p.handlers)), PeriodMs: uint32(d.Milliseconds())})
}

// Add adds a value to a list of sdk/api.txt, as JSON. It is called while the
// plugin loads only.
func (p *Plugin) Add(point string, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	p.loaded.Adds = append(p.loaded.Adds, &modulepb.Add{Name: point, Value: b})
	return nil
}

// Option reads an option of the plugin into v; "" stands for all of them.
func (p *Plugin) Option(name string, v any) error {
	if name == "" {
		return json.Unmarshal(p.options, v)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(p.options, &all); err != nil {
		return err
	}
	if all[name] == nil {
		return fmt.Errorf("option %s: %w", name, ErrNone)
	}
	return json.Unmarshal(all[name], v)
}

// Get is what is stored for an account, by its localpart, or for the host ("").
func (p *Plugin) Get(owner, key string) ([]byte, error) {
	r, err := p.ask(&modulepb.Request{Operation: modulepb.Operation_GET, Owner: owner, Key: key})
	return r.GetValue(), err
}

// Put stores a value; nil deletes it.
func (p *Plugin) Put(owner, key string, value []byte) error {
	_, err := p.ask(&modulepb.Request{Operation: modulepb.Operation_PUT, Owner: owner, Key: key, Value: value})
	return err
}

// Find returns the keys with that prefix, in order, at most 1000.
func (p *Plugin) Find(owner, prefix string) (keys []string, err error) {
	r, err := p.ask(&modulepb.Request{Operation: modulepb.Operation_FIND, Owner: owner, Key: prefix})
	if err != nil {
		return nil, err
	}
	return keys, json.Unmarshal(r.GetValue(), &keys)
}

// Count adds to a stored number and returns it, as one step.
func (p *Plugin) Count(owner, key string, by int64) (int64, error) {
	r, err := p.ask(&modulepb.Request{Operation: modulepb.Operation_COUNT, Owner: owner, Key: key, By: by})
	return r.GetNumber(), err
}

// The levels of Log.
const (
	Debug uint32 = iota
	Info
	Warn
	Error
)

// Log writes a line to the server's log.
func (p *Plugin) Log(level uint32, line string) { p.put(&modulepb.Line{Level: level, Text: line}) }

// Over is closed at the end of the session.
func (p *Plugin) Over() <-chan struct{} { return p.over }

var faults = map[modulepb.Code]error{
	modulepb.Code_OK: nil, modulepb.Code_NONE: ErrNone, modulepb.Code_DENIED: ErrDenied,
	modulepb.Code_MALFORMED: ErrMalformed, modulepb.Code_LARGE: ErrLarge, modulepb.Code_UNAVAILABLE: ErrUnavailable,
}

func (p *Plugin) ask(r *modulepb.Request) (*modulepb.Result, error) {
	done := make(chan *modulepb.Result, 1)
	p.mu.Lock()
	p.last++
	r.Id = p.last
	p.waiting[r.Id] = done
	p.mu.Unlock()
	if !p.put(r) {
		return nil, ErrOver
	}
	select {
	case result := <-done:
		return result, faults[result.GetCode()]
	case <-p.over:
		return nil, ErrOver
	}
}
