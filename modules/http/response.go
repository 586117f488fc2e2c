// SPDX-License-Identifier: Apache-2.0

package http

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// A response counts what an app answers, and gives up a client that does not
// read. It is used by one handler.
type response struct {
	http.ResponseWriter
	control  *http.ResponseController
	flight   *flight // nil until an app is found
	request  *body   // nil without a body
	send     time.Duration
	deadline time.Time // of writing
	status   int
	bytes    int64
	started  bool     // the header is on its way
	flushed  bool     // an answer that has begun cannot be completed
	stream   bool     // of HTTP/2: it is reset by a deadline that passes, whether somebody writes or not
	hijacked bool     // the connection is the app's
	conn     net.Conn // which
}

func newResponse(raw http.ResponseWriter, r *http.Request, send time.Duration) *response {
	w := &response{ResponseWriter: raw, control: http.NewResponseController(raw), send: send, status: http.StatusOK, stream: r.ProtoMajor > 1}
	if !w.stream {
		w.extend() // the connection has that of the request before
	}
	return w
}

// Unwrap is for http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// extend gives the client more time.
func (w *response) extend() {
	now := time.Now()
	if !w.stream && w.deadline.Sub(now) > w.send-slack(w.send) {
		return
	}
	w.deadline = now.Add(w.send)
	_ = w.control.SetWriteDeadline(w.deadline) // writing shows it
}

// relax ends what extend began.
func (w *response) relax() {
	if w.stream {
		_ = w.control.SetWriteDeadline(time.Time{}) // as above
	}
}

// slack is how much a deadline may be off: setting it has a price.
func slack(d time.Duration) time.Duration { return min(d/4, time.Second) }

// gone reports whether the app is to stop.
func (w *response) gone() bool { return w.flight != nil && w.flight.gone.Load() }

// WriteHeader begins the answer.
func (w *response) WriteHeader(status int) {
	if !w.started && status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		w.status, w.started = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the answer.
func (w *response) Write(b []byte) (int, error) {
	if w.gone() {
		return 0, errGone
	}
	w.extend()
	defer w.relax()
	w.started = true
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom lets the system copy files to sockets, in pieces for which the
// client has the time that it has for a write.
func (w *response) ReadFrom(src io.Reader) (total int64, err error) {
	const piece = 1 << 20
	for {
		if w.gone() {
			return total, errGone
		}
		w.extend()
		w.started = true
		n, err := io.CopyN(w.ResponseWriter, src, piece)
		w.relax()
		total += n
		w.bytes += n
		if err == io.EOF { //nolint:errorlint // CopyN returns it as it is
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// Flush sends what was written.
func (w *response) Flush() { _ = w.FlushError() }

// FlushError is Flush for http.ResponseController.
func (w *response) FlushError() error {
	w.extend()
	defer w.relax()
	w.started = true
	return w.control.Flush()
}

// Hijack gives the connection to the app.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := w.control.Hijack()
	if err == nil {
		w.hijacked, w.started, w.conn, w.status = true, true, c, http.StatusSwitchingProtocols
	}
	return c, rw, err
}

// finish is called when the handler has returned: what it has left of the
// answer and of the request has its time to pass.
func (w *response) finish() {
	if w.hijacked {
		return
	}
	w.extend()
	if w.request != nil && !w.request.ended && !w.stream {
		w.request.drain()
	}
}

// minRate is how slow a body may come, in bytes a second.
const minRate = 100

// A body is that of a request, with the time that it may take.
type body struct {
	io.ReadCloser
	w       *response
	silence time.Duration
	start   time.Time
	n       int64
	set     time.Time // when the deadline was set
	until   time.Time // the deadline
	ended   bool
}

func (w *response) body(r io.ReadCloser, silence time.Duration) *body {
	w.request = &body{ReadCloser: r, w: w, silence: silence, start: time.Now()}
	if !w.stream {
		w.request.extend()
	}
	return w.request
}

// extend sets the deadline of reading: the silence from now, or when all that
// has come should have come at the slowest rate.
func (b *body) extend() {
	now := time.Now()
	if !b.w.stream && now.Sub(b.set) < slack(b.silence) {
		return
	}
	b.set = now
	until := now.Add(b.silence)
	if slow := b.start.Add(b.silence + time.Duration(b.n)*(time.Second/minRate)); slow.Before(until) {
		until = slow
	}
	b.until = until
	_ = b.w.control.SetReadDeadline(until) // reading shows it
}

// Read reads a part of the body.
func (b *body) Read(p []byte) (int, error) {
	if b.w.gone() {
		return 0, errGone
	}
	b.extend()
	n, err := b.ReadCloser.Read(p)
	if b.w.stream && err == nil {
		_ = b.w.control.SetReadDeadline(time.Time{}) // an app that does not read is not the client's fault
	}
	b.n += int64(n)
	switch {
	case err == nil:
	case err == io.EOF:
		if !b.ended {
			b.ended = true
			_ = b.w.control.SetReadDeadline(time.Time{}) // nothing more is waited for
		}
	case errors.Is(err, os.ErrDeadlineExceeded), time.Now().After(b.until): // a stream of HTTP/2 may just be reset
		err = &Error{Code: http.StatusRequestTimeout, Err: err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = &Error{Code: http.StatusBadRequest, Err: err}
	}
	return n, err
}

// drain limits the wait for what the handler has not read; net/http answers
// only afterwards.
func (b *body) drain() {
	now := time.Now()
	_ = b.w.control.SetReadDeadline(now.Add(min(b.silence, drainTime))) // reading shows it
	_ = b.w.control.SetWriteDeadline(now.Add(drainTime).Add(b.w.send))  // writing shows it
}

// drainTime is how long the rest of a body that nobody wants may take.
const drainTime = 5 * time.Second
