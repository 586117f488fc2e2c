// SPDX-License-Identifier: Apache-2.0

// Package logging makes slog handlers from Prosody's log option: console,
// stdout, file, syslog (RFC 3164 on the local socket) and nowhere, each with
// levels of its own, as Prosody's lines or as JSON.
package logging

import (
	"context"
	"io"
	"log/slog"
	"time"

	"tercet/config"
)

// Options are what Open needs beside the config; all may be zero.
type Options struct {
	Dir    string    // relative files are relative to it: the data path
	Stderr io.Writer // os.Stderr when nil
	Stdout io.Writer // os.Stdout when nil
	Debug  bool      // as if SetDebug(true) was called
}

// Source is the key of the attribute that becomes the line's source column:
// log.With(logging.Source, "c2s").
const Source = "source"

// Logger owns the sinks of one server.
type Logger struct{}

// Open opens the sinks that the config asks for. It always gives a Logger: a
// sink that can not be opened is a problem and stays silent until Reopen.
func Open(c *config.Config, o Options) (*Logger, []config.Problem) { panic("soon") }

// Slog is the root of the server's loggers.
func (l *Logger) Slog() *slog.Logger { panic("soon") }

// Apply takes a new config; loggers handed out before follow it.
func (l *Logger) Apply(c *config.Config) []config.Problem { panic("soon") }

// SetDebug lets sinks that begin at info begin at debug, or undoes that.
func (l *Logger) SetDebug(on bool) { panic("soon") }

// Reopen closes and opens the files, after a tool has moved them (SIGHUP).
func (l *Logger) Reopen() error { panic("soon") }

// Close flushes and closes the sinks; what is logged later goes to the console.
func (l *Logger) Close() error { panic("soon") }

// Entry is one line of the log as Tail and Follow give it.
type Entry struct {
	Time   time.Time
	Level  slog.Level
	Source string
	Text   string // message and attributes
}

// Tail returns the last n entries, oldest first.
func (l *Logger) Tail(n int) []Entry { panic("soon") }

// Follow yields entries of the level and above until ctx ends. A reader that is
// too slow loses entries and is told how many.
func (l *Logger) Follow(ctx context.Context, level slog.Level) <-chan Entry { panic("soon") }
