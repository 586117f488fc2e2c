// SPDX-License-Identifier: Apache-2.0

// Package logging makes slog handlers from Prosody's log option: console,
// stdout, file, syslog (RFC 3164 on the local socket) and nowhere, each with
// levels of its own, as Prosody's lines or as JSON.
package logging

import (
	"errors"
	"io"
	"log/slog"
	"maps"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"tercet/config"
)

// Options are what Open needs beside the config; all may be zero.
type Options struct {
	Dir    string    // relative files are relative to it: the data path
	Stderr io.Writer // os.Stderr when nil
	Stdout io.Writer // os.Stdout when nil
	Syslog string    // path of the local socket; the system's when empty
	Debug  bool      // as if SetDebug(true) was called
}

// Source is the key of the attribute that becomes the line's source column:
// log.With(logging.Source, "c2s"). "module" is one too, and "host" is put before
// it: "example.org:mam".
const Source = "source"

// Logger owns the sinks of one server.
type Logger struct {
	o     Options
	state atomic.Pointer[state]
	ring  *ring

	mu      sync.Mutex // guards what follows, and who sets state
	debug   bool
	sources map[string]slog.Level
	files   map[string]*file
}

// state is what each record is judged by; it is replaced, never changed.
type state struct {
	rules   []*rule
	mask    mask // levels that somebody wants
	debug   bool
	sources map[string]slog.Level // by SetLevel
	private bool                  // no addresses and no JIDs
	closed  bool
}

// Open opens the sinks that the config asks for. It always gives a Logger: a
// file that can not be opened is a problem, is told on the console, and stays
// without lines until Reopen.
func Open(c *config.Config, o Options) (*Logger, []config.Problem) {
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	l := &Logger{o: o, ring: newRing(), debug: o.Debug, files: make(map[string]*file)}
	l.ring.changed = l.refresh
	return l, l.Apply(c)
}

// Slog is the root of the server's loggers.
func (l *Logger) Slog() *slog.Logger { return slog.New(&handler{l: l}) }

// Apply takes a new config; loggers handed out before follow it. Files that it
// still names stay open.
func (l *Logger) Apply(c *config.Config) []config.Problem {
	plan, problems := parse(c)
	l.mu.Lock()
	defer l.mu.Unlock()
	files := make(map[string]*file)
	var rules []*rule
	for _, s := range plan.sinks {
		r, err := l.rule(s, files)
		if err != nil {
			problems = append(problems, config.Problem{Pos: s.pos, Severity: config.Warning, Text: "log: " + err.Error()})
		}
		rules = append(rules, r)
	}
	old := l.files
	l.files = files
	l.setState(&state{rules: rules, private: plan.private})
	for path, f := range old {
		if files[path] != f {
			_ = f.close() // its lines are written
		}
	}
	return problems
}

// rule makes the rule of a sink, with the file that is open already if there is
// one. An error leaves the rule usable. l.mu is held.
func (l *Logger) rule(s sinkSpec, files map[string]*file) (*rule, error) {
	r := &rule{sinkSpec: s, logger: l}
	switch s.to {
	case "stdout":
		r.out = newStream(l.o.Stdout)
	case "syslog":
		r.out = newSyslog(l.o.Syslog, s.name, s.facility)
	case "file":
		path := s.path(l.o.Dir)
		f := files[path]
		if f == nil {
			if f = l.files[path]; f == nil {
				f = &file{path: path}
			}
			files[path] = f
		}
		r.out = f
		return r, f.open(s.rotate)
	default:
		r.out = newStream(l.o.Stderr)
	}
	r.journal = inJournal(r.out)
	return r, nil
}

// setState computes what is wanted and makes st the present. l.mu is held.
func (l *Logger) setState(st *state) {
	st.debug, st.sources = l.debug, maps.Clone(l.sources)
	st.mask = infoAndAbove | l.ring.wanted()
	for _, r := range st.rules {
		st.mask |= r.mask
		if l.debug && r.fromInfo() {
			st.mask |= debugBit
		}
	}
	l.state.Store(st)
}

// refresh computes the present anew.
func (l *Logger) refresh() {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := *l.state.Load()
	l.setState(&next)
}

// SetDebug lets sinks that begin at info begin at debug, or undoes that.
func (l *Logger) SetDebug(on bool) {
	l.mu.Lock()
	l.debug = on
	l.mu.Unlock()
	l.refresh()
}

// SetLevel sets the level from which sinks that begin at info take lines of one
// source, such as "c2s" or "example.org:mam".
func (l *Logger) SetLevel(source string, level slog.Level) {
	l.mu.Lock()
	if l.sources == nil {
		l.sources = make(map[string]slog.Level)
	}
	l.sources[source] = level
	l.mu.Unlock()
	l.refresh()
}

// ResetLevels undoes SetLevel for all sources.
func (l *Logger) ResetLevels() {
	l.mu.Lock()
	l.sources = nil
	l.mu.Unlock()
	l.refresh()
}

// Reopen closes and opens the files, after a tool has moved them (SIGHUP). A
// file that can not be opened goes on with the old one.
func (l *Logger) Reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, f := range l.files {
		errs = append(errs, f.reopen())
	}
	return errors.Join(errs...)
}

// Close closes the sinks; what is logged later goes to the console.
func (l *Logger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.state.Load()
	r, _ := l.rule(sinkSpec{to: "console", mask: infoAndAbove, timestamps: defaultTimestamps}, nil)
	l.setState(&state{rules: []*rule{r}, private: before.private, closed: true})
	var errs []error
	for _, r := range before.rules {
		errs = append(errs, r.out.close())
	}
	l.files = nil
	return errors.Join(errs...)
}

// console says something about the log itself where somebody may see it.
func (l *Logger) console(text string) {
	line := time.Now().Format("Jan 02 15:04:05 ") + "logging\twarn\t" + scrubLine(text) + "\n"
	_, _ = io.WriteString(l.o.Stderr, line) // there is no other place to say so
}
