// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	points "tercet/core/guest"
)

// What a guest may do over HTTP.
const (
	maxFlights  = 8         // requests at a time
	maxResponse = 256 << 10 // bytes of a response
	httpTime    = 10 * time.Second
)

// A fetch is a request of a guest, as its JSON.
type fetch struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`

	id  int32
	url *url.URL
}

// A fetched is what a guest's handler of "http-response" gets.
type fetched struct {
	ID     int32  `json:"id"`     // what http returned
	Status int    `json:"status"` // 0: there was no response
	Type   string `json:"type"`
	Body   string `json:"body"` // text that is no UTF-8 is repaired
	Error  string `json:"error"`
}

// A fetcher makes the requests of one guest.
type fetcher struct {
	plugin  *plugin
	client  *http.Client
	flights atomic.Int32
	ids     atomic.Int32
}

var errGrant = errors.New("redirected to where the guest may not go")

func newFetcher(p *plugin) *fetcher {
	return &fetcher{plugin: p, client: &http.Client{
		Timeout:   httpTime,
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}, // so that nothing outlives the guest
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) >= 5 || !p.grants.AllowURL(r.URL) {
				return errGrant
			}
			return nil
		},
	}}
}

// hostHTTP takes a request in JSON; its response comes to the handler of
// "http-response".
func (i *instance) hostHTTP(stack []uint64) {
	b, good := i.bytes(stack, 0)
	f := new(fetch)
	if !good || json.Unmarshal(b, f) != nil {
		result(stack, errMalformed)
		return
	}
	var err error
	if f.url, err = url.Parse(f.URL); err != nil {
		result(stack, errMalformed)
		return
	}
	p := i.plugin
	if p.answer < 0 || !p.grants.AllowURL(f.url) {
		result(stack, errDenied)
		return
	}
	out := i.effects()
	if out == nil || out.Take(len(b)) != nil || out.fetches >= maxFlights {
		result(stack, errLarge)
		return
	}
	out.fetches++
	if f.id = p.http.ids.Add(1); f.id <= 0 {
		f.id = 1
		p.http.ids.Store(1)
	}
	out.Also(func() { p.http.start(f) })
	result(stack, f.id)
}

// start sends a request, and hands its response to the guest.
func (h *fetcher) start(f *fetch) {
	p := h.plugin
	p.scope.Go(func(ctx context.Context) {
		got := &fetched{ID: f.id}
		if h.flights.Add(1) > maxFlights {
			got.Error = "too many requests at a time"
		} else if err := h.do(ctx, f, got); err != nil {
			got.Error = err.Error()
		}
		h.flights.Add(-1)
		if ctx.Err() == nil {
			p.handle(ctx, p.answer, p.answered, &points.Event{Value: got})
		}
	})
}

func (h *fetcher) do(ctx context.Context, f *fetch, got *fetched) error {
	if f.Method == "" {
		f.Method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(ctx, f.Method, f.url.String(), strings.NewReader(f.Body))
	if err != nil {
		return err
	}
	for name, value := range f.Headers {
		if !strings.EqualFold(name, "Host") {
			r.Header.Set(name, value)
		}
	}
	resp, err := h.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read, or is not wanted
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	switch {
	case err != nil:
		return err
	case len(b) > maxResponse:
		return errors.New("the response is too large")
	}
	got.Status, got.Type, got.Body = resp.StatusCode, resp.Header.Get("Content-Type"), strings.ToValidUTF8(string(b), "\uFFFD")
	return nil
}
