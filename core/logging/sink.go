// SPDX-License-Identifier: Apache-2.0

package logging

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// sink is where lines go. It is used by several goroutines.
type sink interface {
	// write writes one line, which ends with a newline.
	write(n *line, whole []byte) error
	close() error
}

// rule is a sink with the lines that it takes and their form.
type rule struct {
	sinkSpec
	out     sink
	journal bool // lines begin with a priority instead of the time
	failed  atomic.Bool
	logger  *Logger
}

// takes reports whether the line is for this sink. A level that was set for
// the line's source goes before the sink's own.
func (r *rule) takes(st *state, n *line) bool {
	b := bit(n.level)
	if !r.fromInfo() {
		return r.mask&b != 0
	}
	if len(st.sources) > 0 {
		if from, ok := st.levelOf(n.source); ok {
			return n.level >= from
		}
	}
	return r.mask&b != 0 || st.debug && b == debugBit
}

// write puts the line into its form. The first of a row of failures is told on
// the console.
func (r *rule) write(n *line) {
	if r.json {
		n.whole = appendJSONLine(n.whole[:0], n)
	} else {
		n.whole = r.appendText(n.whole[:0], n)
	}
	err := r.out.write(n, n.whole)
	if err == nil {
		if r.failed.Load() && r.failed.Swap(false) {
			r.logger.console("log: " + r.to + " works again")
		}
		return
	}
	if !r.failed.Swap(true) {
		r.logger.console("log: " + r.to + " " + r.filename + ": " + err.Error())
	}
}

// appendText writes Prosody's form: time, source, tab, level, tab, message.
func (r *rule) appendText(dst []byte, n *line) []byte {
	_, isSyslog := r.out.(*syslog)
	switch {
	case isSyslog: // the daemon adds time and level
		dst = append(append(append(dst, n.source...), ": "...), n.text...)
		return append(oneLine(dst), '\n')
	case r.journal:
		dst = append(dst, '<', '0'+severity(n.level), '>')
	case r.timestamps != "":
		dst = appendTime(dst, r.timestamps, n.at)
	}
	dst = append(dst, n.source...)
	for width := len(n.source); width < r.width; width++ {
		dst = append(dst, ' ')
	}
	dst = append(append(append(append(dst, '\t'), levelName(n.level)...), '\t'), n.text...)
	if r.journal {
		dst = oneLine(dst)
	}
	return append(dst, '\n')
}

// oneLine joins the lines of a stack.
func oneLine(b []byte) []byte {
	if bytes.IndexByte(b, '\n') < 0 {
		return b
	}
	return bytes.ReplaceAll(b, []byte("\n\t"), []byte(" | "))
}

func appendJSONLine(dst []byte, n *line) []byte {
	dst = append(dst, `{"time":"`...)
	dst = n.at.AppendFormat(dst, "2006-01-02T15:04:05.000000Z07:00")
	dst = append(append(dst, `","level":"`...), levelName(n.level)...)
	dst = appendJSON(append(dst, `","source":`...), n.source)
	return append(append(dst, n.json...), "}\n"...)
}

// stream is the console or stdout.
type stream struct {
	mu sync.Mutex // guards w
	w  io.Writer
}

func newStream(w io.Writer) *stream { return &stream{w: w} }

func (s *stream) write(_ *line, whole []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.w.Write(whole)
	return err
}

func (s *stream) close() error { return nil }

// inJournal reports whether the stream is the one that systemd's journal reads
// (systemd.exec(5), JOURNAL_STREAM).
func inJournal(out sink) bool {
	s, ok := out.(*stream)
	if !ok {
		return false
	}
	f, ok := s.w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && os.Getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

// appendTime is strftime(3) in the C locale.
func appendTime(dst []byte, format string, t time.Time) []byte {
	for {
		i := strings.IndexByte(format, '%')
		if i < 0 || i+1 == len(format) {
			return append(dst, format...)
		}
		dst = append(dst, format[:i]...)
		verb := format[i+1]
		format = format[i+2:]
		if layout, ok := strftime[verb]; ok {
			dst = t.AppendFormat(dst, layout)
			continue
		}
		switch verb {
		case '%':
			dst = append(dst, '%')
		case 'n':
			dst = append(dst, '\n')
		case 't':
			dst = append(dst, '\t')
		case 's':
			dst = fmt.Appendf(dst, "%d", t.Unix())
		case 'j':
			dst = fmt.Appendf(dst, "%03d", t.YearDay())
		default:
			dst = append(dst, '%', verb)
		}
	}
}

var strftime = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January", 'c': "Mon Jan _2 15:04:05 2006",
	'd': "02", 'D': "01/02/06", 'e': "_2", 'F': "2006-01-02", 'H': "15", 'I': "03", 'm': "01", 'M': "04",
	'p': "PM", 'r': "03:04:05 PM", 'R': "15:04", 'S': "05", 'T': "15:04:05", 'x': "01/02/06", 'X': "15:04:05",
	'y': "06", 'Y': "2006", 'z': "-0700", 'Z': "MST",
}
