// SPDX-License-Identifier: Apache-2.0

package process

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"tercet/sdk/proto/modulepb"
)

// What a guest may print: so many bytes a second are read, so that one that
// floods waits, and not we; of the lines so many are logged at once, and then
// so many a second, each cut.
const (
	readRate = 256 << 10
	maxLines = 50
	lineRate = 5
	maxLine  = 1024
)

// A bucket is filled at a rate, up to a size.
type bucket struct {
	mu         sync.Mutex // guards what follows
	rate, size float64
	level      float64
	at         time.Time
}

func newBucket(rate, size float64) *bucket {
	return &bucket{rate: rate, size: size, level: size, at: time.Now()}
}

// fillLocked is called with mu held.
func (b *bucket) fillLocked() {
	now := time.Now()
	b.level = min(b.size, b.level+now.Sub(b.at).Seconds()*b.rate)
	b.at = now
}

// take takes one, if there is one.
func (b *bucket) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fillLocked()
	if b.level < 1 {
		return false
	}
	b.level--
	return true
}

// borrow takes n, and returns how long it will be until there were as many.
func (b *bucket) borrow(n int) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fillLocked()
	if b.level -= float64(n); b.level >= 0 {
		return 0
	}
	return time.Duration(-b.level / b.rate * float64(time.Second))
}

// An output is what one guest prints and logs, over all its processes.
type output struct {
	ctx   context.Context //nolint:containedctx // the guest's life: a line belongs to no event
	log   *slog.Logger
	bytes *bucket
	lines *bucket
	over  <-chan struct{} // nothing is waited for any more

	mu     sync.Mutex // guards what follows
	rest   []byte     // of a line whose end has not come
	last   string     // line of the process at work
	missed int        // lines since one was logged
}

func newOutput(ctx context.Context, log *slog.Logger, over <-chan struct{}) *output {
	return &output{ctx: ctx, log: log, over: over, bytes: newBucket(readRate, readRate), lines: newBucket(lineRate, maxLines)}
}

// paced is a pipe that is read no faster than the output allows.
type paced struct {
	*os.File
	output *output
}

// Read reads, and then waits for as long as that should have taken.
func (p *paced) Read(b []byte) (int, error) {
	n, err := p.File.Read(b[:min(len(b), 16<<10)])
	p.output.wait(n)
	return n, err
}

// streamed is what comes over go-plugin's own stream: a Go plugin's standard
// error, once it runs.
type streamed struct{ output *output }

// Write takes what was printed, and waits where a pipe would.
func (s streamed) Write(b []byte) (int, error) {
	s.output.wait(len(b))
	return s.output.Write(b)
}

func (o *output) wait(n int) {
	d := o.bytes.borrow(n)
	if d == 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-o.over:
	}
}

// Write takes what was printed; it never fails.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(b)
	for len(b) > 0 {
		line, after, whole := bytes.Cut(b, []byte("\n"))
		if room := maxLine - len(o.rest); room > 0 {
			o.rest = append(o.rest, line[:min(len(line), room)]...)
		}
		if b = after; whole {
			o.sayLocked(slog.LevelWarn, string(o.rest))
			o.rest = o.rest[:0]
		}
	}
	return n, nil
}

// hear logs lines that the guest has for the log. Most of many are left out,
// which costs little: only more of them than anybody can mean are waited for.
func (o *output) hear(lines []*modulepb.Line) {
	if len(lines) == 0 {
		return
	}
	n := 0
	o.mu.Lock()
	for _, l := range lines {
		n += len(l.Text) + 16
		o.sayLocked(level(l.Level), l.Text)
	}
	o.mu.Unlock()
	o.wait(min(n/16, readRate))
}

// sayLocked is called with mu held.
func (o *output) sayLocked(level slog.Level, text string) {
	text = strings.TrimRight(strings.ToValidUTF8(text[:min(len(text), maxLine)], "\uFFFD"), "\r\n")
	if text == "" || !o.log.Enabled(o.ctx, level) {
		return
	}
	o.last = text
	if !o.lines.take() {
		o.missed++
		return
	}
	attrs := []slog.Attr{slog.String("text", text)}
	if o.missed > 0 {
		attrs = append(attrs, slog.Int("left_out", o.missed))
		o.missed = 0
	}
	o.log.LogAttrs(o.ctx, level, "guest says", attrs...)
}

// begin forgets the last line: another process begins.
func (o *output) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last, o.rest = "", o.rest[:0]
}

// lastLine is what the process has said last.
func (o *output) lastLine() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

// level is that of a line.
func level(n uint32) slog.Level {
	switch n {
	case 0:
		return slog.LevelDebug
	case 1:
		return slog.LevelInfo
	case 2:
		return slog.LevelWarn
	default:
		return slog.LevelError
	}
}

// cut is the first line of a text of the guest, as far as it may be logged.
func cut(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	return strings.ToValidUTF8(text[:min(len(text), maxLine)], "\uFFFD")
}
