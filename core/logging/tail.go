// SPDX-License-Identifier: Apache-2.0

package logging

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Entry is one line of the log as Tail and Follow give it.
type Entry struct {
	Time   time.Time
	Level  slog.Level
	Source string
	Text   string // message and attributes
}

// String is the entry as a line of Prosody's form.
func (e Entry) String() string {
	return e.Time.Format("Jan 02 15:04:05 ") + e.Source + "\t" + levelName(e.Level) + "\t" + e.Text
}

const (
	ringSize     = 1000    // entries that Tail can give
	ringText     = 2 << 10 // bytes of an entry that are kept
	followBuffer = 256     // entries that wait for a reader
)

// ring keeps the last entries.
type ring struct {
	changed func() // called when what is wanted has changed

	mu        sync.Mutex // guards what follows
	entries   []Entry    // a ring once it is full
	next      int
	followers map[*follower]bool
}

type follower struct {
	level slog.Level
	to    chan Entry
	lost  int
}

func newRing() *ring { return &ring{followers: make(map[*follower]bool)} }

// wanted are the levels of the followers.
func (r *ring) wanted() mask {
	r.mu.Lock()
	defer r.mu.Unlock()
	var m mask
	for f := range r.followers {
		m |= atLeast(f.level)
	}
	return m
}

func (r *ring) add(n *line) {
	text := n.text
	if len(text) > ringText {
		text = text[:ringText]
	}
	e := Entry{n.at, n.level, n.source, string(text)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.entries) < ringSize {
		r.entries = append(r.entries, e)
	} else {
		r.entries[r.next] = e
		r.next = (r.next + 1) % ringSize
	}
	for f := range r.followers {
		if bit(e.Level) >= bit(f.level) {
			f.send(e)
		}
	}
}

// send never waits. A place is kept for saying how much was lost.
func (f *follower) send(e Entry) {
	if f.lost > 0 && len(f.to) < cap(f.to)-1 {
		f.to <- Entry{e.Time, slog.LevelWarn, "logging", fmt.Sprintf("%d lines were lost", f.lost)}
		f.lost = 0
	}
	if len(f.to) >= cap(f.to)-1 {
		f.lost++
		return
	}
	f.to <- e
}

// Tail returns the last n entries, oldest first; about a thousand are kept.
func (l *Logger) Tail(n int) []Entry {
	r := l.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	n = max(min(n, len(r.entries)), 0)
	out := make([]Entry, 0, n)
	for i := len(r.entries) - n; i < len(r.entries); i++ {
		out = append(out, r.entries[(r.next+i)%len(r.entries)])
	}
	return out
}

// Follow yields entries of the level and above until ctx ends, when the channel
// is closed. A reader that is too slow loses entries and is told how many. While
// somebody follows debug lines they are made; files do not get them.
func (l *Logger) Follow(ctx context.Context, level slog.Level) <-chan Entry {
	f := &follower{level: level, to: make(chan Entry, followBuffer)}
	r := l.ring
	r.mu.Lock()
	r.followers[f] = true
	r.mu.Unlock()
	r.changed()
	context.AfterFunc(ctx, func() {
		r.mu.Lock()
		delete(r.followers, f)
		close(f.to)
		r.mu.Unlock()
		r.changed()
	})
	return f.to
}
