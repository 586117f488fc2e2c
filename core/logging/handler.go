// SPDX-License-Identifier: Apache-2.0

package logging

import (
	"context"
	"encoding"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// handler is a slog.Handler with the attributes of its logger, written once as
// text and once as JSON.
type handler struct {
	l            *Logger
	host, source string
	text, json   []byte
	group        string // with its dot
}

// line is one record on its way to the sinks.
type line struct {
	level  slog.Level
	at     time.Time
	source string
	text   []byte // message and attributes
	json   []byte // the same, as members of an object
	whole  []byte // for a sink: with time, source, level
}

var lines = sync.Pool{New: func() any { return &line{} }}

// maxPooled is the capacity up to which a line's memory is kept.
const maxPooled = 16 << 10

// Enabled reports whether some sink wants the level.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	st := h.l.state.Load()
	return st.mask&bit(level) != 0 || len(st.sources) > 0 && st.wantsFrom(h.column(), level)
}

// wantsFrom is about sources whose level was set.
func (st *state) wantsFrom(source string, level slog.Level) bool {
	from, ok := st.levelOf(source)
	return ok && level >= from
}

func (st *state) levelOf(source string) (slog.Level, bool) {
	if from, ok := st.sources[source]; ok {
		return from, true
	}
	_, module, _ := strings.Cut(source, ":")
	from, ok := st.sources[module]
	return from, ok
}

// column is the source column: "c2s", "example.org:mam".
func (h *handler) column() string {
	switch {
	case h.host == "":
		return h.source
	case h.source == "":
		return h.host
	}
	return h.host + ":" + h.source
}

// Handle writes the record to the sinks that want it.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	st := h.l.state.Load()
	n := lines.Get().(*line)
	n.level, n.at, n.source = r.Level, r.Time, h.column()
	if n.at.IsZero() {
		n.at = time.Now()
	}
	if n.source == "" {
		n.source = "tercet"
	}
	message := scrub(r.Message, st.private)
	n.text = append(appendPlain(n.text[:0], message), h.text...)
	n.json = append(appendJSON(append(n.json[:0], `,"msg":`...), message), h.json...)
	r.Attrs(func(a slog.Attr) bool {
		n.text, n.json = appendAttr(n.text, n.json, h.group, a, st.private)
		return true
	})
	h.l.ring.add(n)
	for _, rule := range st.rules {
		if rule.takes(st, n) {
			rule.write(n)
		}
	}
	if cap(n.text)+cap(n.json)+cap(n.whole) <= 3*maxPooled {
		lines.Put(n)
	}
	return nil
}

// WithAttrs returns a handler with more attributes.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.text, c.json = slices.Clip(c.text), slices.Clip(c.json)
	private := h.l.state.Load().private
	for _, a := range attrs {
		if h.group == "" && a.Value.Kind() == slog.KindString {
			switch a.Key {
			case Source, "module":
				c.source = scrubLine(a.Value.String())
				continue
			case "host":
				c.host = scrubLine(a.Value.String())
				continue
			}
		}
		c.text, c.json = appendAttr(c.text, c.json, h.group, a, private)
	}
	return &c
}

// WithGroup returns a handler that puts the name and a dot before keys.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.group += name + "."
	return &c
}

// appendAttr writes key=value and ,"key":value. Keys of groups are joined by
// dots, also in JSON: search machines do so anyway.
func appendAttr(text, js []byte, group string, a slog.Attr, private bool) (newText, newJSON []byte) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, member := range v.Group() {
			text, js = appendAttr(text, js, group, member, private)
		}
		return text, js
	}
	if a.Key == "" && v.Kind() == slog.KindAny && v.Any() == nil {
		return text, js
	}
	key := group + a.Key
	text = append(appendPlain(append(text, ' '), key), '=')
	js = append(appendJSON(append(js, ','), key), ':')
	if secretKey(key) {
		return append(text, redacted...), appendJSON(js, redacted)
	}
	switch v.Kind() {
	case slog.KindBool, slog.KindInt64, slog.KindUint64:
		s := v.String()
		return append(text, s...), append(js, s...)
	case slog.KindFloat64:
		s := strconv.FormatFloat(v.Float64(), 'g', -1, 64)
		if strings.ContainsAny(s, "IN") { // Inf, NaN: no JSON
			return append(text, s...), appendJSON(js, s)
		}
		return append(text, s...), append(js, s...)
	}
	s := scrub(valueText(v), private)
	if key == "stack" {
		return appendStack(text, s), appendJSON(js, s)
	}
	return appendValue(text, s), appendJSON(js, s)
}

// valueText is a value as text. Of values that do not say how they are written
// only those are shown whose content can be no stanza and no secret.
func valueText(v slog.Value) string {
	switch v.Kind() {
	case slog.KindString:
		return v.String()
	case slog.KindDuration:
		return v.Duration().String()
	case slog.KindTime:
		return v.Time().Format(time.RFC3339Nano)
	}
	x := v.Any()
	if err, ok := x.(error); ok {
		return safely(x, err.Error)
	}
	if x != nil && isStanza(reflect.TypeOf(x)) {
		return redacted
	}
	switch x := x.(type) {
	case nil:
		return "nil"
	case fmt.Stringer:
		return safely(x, x.String)
	case encoding.TextMarshaler:
		return safely(x, func() string {
			b, err := x.MarshalText()
			if err != nil {
				return err.Error()
			}
			return string(b)
		})
	case []byte:
		return strconv.Itoa(len(x)) + " bytes"
	}
	if t := reflect.TypeOf(x); !plain(t) {
		return t.String()
	}
	return fmt.Sprint(x)
}

// isStanza reports whether a type is a stanza or an element of one.
func isStanza(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && (t.PkgPath() == "tercet/core/stanza" || t.PkgPath() == "tercet/core/element")
}

// safely calls a method of a value that may be a nil pointer.
func safely(x any, text func() string) (s string) {
	defer func() {
		if v := recover(); v != nil {
			s = fmt.Sprintf("%T: panic: %v", x, v)
		}
	}()
	return text()
}

// plain reports whether a type holds numbers, booleans and strings only.
func plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return plain(t.Elem())
	case reflect.Map:
		return false // its keys may be secret names
	case reflect.Struct, reflect.Pointer, reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer, reflect.Uintptr:
		return false
	}
	return true
}

// appendPlain writes s so that it can not begin a line or hide text.
func appendPlain(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < 0x7f {
			dst = append(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, fmt.Sprintf(`\x%02x`, c)...)
		} else if strconv.IsPrint(r) {
			dst = append(dst, s[i:i+size]...)
		} else {
			q := strconv.QuoteRune(r)
			dst = append(dst, q[1:len(q)-1]...)
		}
		i += size
	}
	return dst
}

func scrubLine(s string) string { return string(appendPlain(nil, s)) }

// appendValue quotes what would not be one word.
func appendValue(dst []byte, s string) []byte {
	if s == "" || strings.ContainsAny(s, " \"=\\") {
		return strconv.AppendQuote(dst, s)
	}
	return appendPlain(dst, s)
}

// appendStack writes a stack on lines of its own, each behind a tab.
func appendStack(dst []byte, s string) []byte {
	for frame := range strings.Lines(s) {
		dst = append(dst, "\n\t"...)
		dst = appendPlain(dst, strings.TrimRight(strings.ReplaceAll(frame, "\t", "  "), "\n"))
	}
	return dst
}

// appendJSON writes a JSON string.
func appendJSON(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20 || c == 0x7f:
			dst = append(dst, `\u00`...)
			dst = append(dst, hex[c>>4], hex[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r) // U+FFFD for what is no UTF-8
			i += size
			continue
		}
		i++
	}
	return append(dst, '"')
}
