// SPDX-License-Identifier: Apache-2.0

//go:build wasip1

// Package tercet is what guests of Tercet in Go are written with: the host's
// functions (ABI 1, sdk/README.md) and the exports that the host calls. Build a
// guest as a reactor:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o guest.wasm
//
// A guest sets Load in an init function, or in a package-level var, attaches
// its handlers there, and has an empty main.
package tercet

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"unsafe"
)

// What the host may answer.
var (
	ErrNone        = errors.New("tercet: there is no such value")
	ErrDenied      = errors.New("tercet: not granted, or not now")
	ErrMalformed   = errors.New("tercet: malformed")
	ErrLarge       = errors.New("tercet: too large")
	ErrUnavailable = errors.New("tercet: the store does not answer")
)

// A Verdict is what a handler says of its event.
type Verdict int32

// The verdicts. Failed counts as a failure of the guest.
const (
	Next   Verdict = 0
	Stop   Verdict = 1
	Failed Verdict = -1
)

// A Handler handles an event: a stanza in XML, or JSON. The bytes are not to be
// kept.
type Handler func(event []byte) Verdict

// Load is what the guest attaches; it runs once in each instance, and must
// attach the same each time, in the same order.
var Load func() error

// A Hook is one of the extension points of sdk/api.txt.
type Hook struct {
	Name     string
	Priority float64 // higher first
	Filter   string  // "type=chat child=jabber:client:body"; empty: all events
}

var handlers = make(map[int32]Handler)

// Handle attaches a handler. It is called by Load only.
func Handle(h Hook, fn Handler) error {
	id := hook(data(h.Name), size(h.Name), h.Priority, data(h.Filter), size(h.Filter))
	if err := fault(id); err != nil {
		return fmt.Errorf("hook %s: %w", h.Name, err)
	}
	handlers[id] = fn
	return nil
}

// Every attaches a handler that is called each so many milliseconds, at least
// 100. It is called by Load only.
func Every(ms int32, fn func() Verdict) error {
	id := every(ms)
	if err := fault(id); err != nil {
		return err
	}
	handlers[id] = func([]byte) Verdict { return fn() }
	return nil
}

// Add adds a value to a list of sdk/api.txt, as JSON. It is called by Load only.
func Add(point string, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return fault(add(data(point), size(point), unsafe.SliceData(b), int32(len(b))))
}

// Option reads an option of the guest into v; "" stands for all of them.
func Option(name string, v any) error {
	b, err := text(func(p *byte, n int32) int32 { return option(data(name), size(name), p, n) })
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// Get is what is stored for an account, by its localpart, or for the host ("").
func Get(owner, key string) ([]byte, error) {
	return text(func(p *byte, n int32) int32 { return get(data(owner), size(owner), data(key), size(key), p, n) })
}

// Put stores a value; nil deletes it.
func Put(owner, key string, value []byte) error {
	p := unsafe.SliceData(value)
	if value != nil && len(value) == 0 {
		p = new(byte)
	}
	return fault(put(data(owner), size(owner), data(key), size(key), p, int32(len(value))))
}

// Find returns the keys with that prefix, in order, at most 1000.
func Find(owner, prefix string) (keys []string, err error) {
	b, err := text(func(p *byte, n int32) int32 { return find(data(owner), size(owner), data(prefix), size(prefix), p, n) })
	if err != nil {
		return nil, err
	}
	return keys, json.Unmarshal(b, &keys)
}

// Count adds to a stored number and returns it, as one step.
func Count(owner, key string, by int64) (int64, error) {
	n := count(data(owner), size(owner), data(key), size(key), by)
	if n == math.MinInt64 {
		return 0, ErrUnavailable
	}
	return n, nil
}

// Reply answers the stanza of the event with the elements of a payload; an
// <error/> makes it an error.
func Reply(xml string) error { return fault(reply(data(xml), size(xml))) }

// Send sends a stanza, from the host itself.
func Send(xml string) error { return fault(send(data(xml), size(xml))) }

// Replace replaces the stanza of the event by one with another payload, or
// the JSON of an event that may be changed.
func Replace(text string) error { return fault(replace(data(text), size(text))) }

// A Request is one over HTTP.
type Request struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
}

// A Response is what the handler of the hook "http-response" gets, as JSON.
type Response struct {
	ID     int32  `json:"id"`
	Status int    `json:"status"`
	Type   string `json:"type"`
	Body   string `json:"body"`
	Error  string `json:"error"`
}

// Do makes a request and returns its number.
func Do(r Request) (int32, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return 0, err
	}
	id := http(unsafe.SliceData(b), int32(len(b)))
	return id, fault(id)
}

// The levels of Log.
const (
	Debug int32 = iota
	Info
	Warn
	Error
)

// Log writes a line to the server's log.
func Log(level int32, line string) { log(level, data(line), size(line)) }

// Now is the time in milliseconds since 1970.
func Now() int64 { return now() }

func data(s string) *byte { return unsafe.StringData(s) }

func size(s string) int32 { return int32(len(s)) }

func fault(code int32) error {
	if code >= 0 {
		return nil
	}
	switch code {
	case -1:
		return ErrNone
	case -2:
		return ErrDenied
	case -4:
		return ErrLarge
	case -5:
		return ErrUnavailable
	}
	return ErrMalformed
}

// text asks for a text until it fits.
func text(ask func(*byte, int32) int32) ([]byte, error) {
	b := make([]byte, 512)
	for {
		n := ask(unsafe.SliceData(b), int32(len(b)))
		if err := fault(n); err != nil {
			return nil, err
		}
		if int(n) <= len(b) {
			return b[:n], nil
		}
		b = make([]byte, n)
	}
}
