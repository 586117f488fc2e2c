// SPDX-License-Identifier: Apache-2.0

package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tercet/config"
	"tercet/core/element"
	"tercet/core/jid"
	"tercet/core/logging"
	"tercet/core/stanza"
)

// sinks is a Logger whose console and stdout can be read.
type sinks struct {
	t              *testing.T
	dir            string
	stderr, stdout buffer
	*logging.Logger
	problems string
}

// buffer is written by several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// take returns what was written since the last time.
func (b *buffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.b.Reset()
	return b.b.String()
}

type lua = map[string]any

func conf(options lua) *config.Config {
	c := config.New("cfg", "")
	for name, v := range options {
		c.Global.Options[name] = config.Of(config.Pos{File: "cfg", Line: 1}, v)
	}
	return c
}

func open(t *testing.T, options lua) *sinks {
	t.Helper()
	s := &sinks{t: t, dir: t.TempDir()}
	l, problems := logging.Open(conf(options), logging.Options{Dir: s.dir, Stderr: &s.stderr, Stdout: &s.stdout})
	s.Logger, s.problems = l, text(problems)
	t.Cleanup(func() { _ = l.Close() })
	return s
}

func text(problems []config.Problem) string {
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.Severity.String()+": "+p.String())
	}
	return strings.Join(lines, "\n")
}

func (s *sinks) file(name string) string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

// plain is a console without times.
func plain(more lua) lua {
	o := lua{"log": []any{lua{"to": "console", "timestamps": false}}}
	maps.Copy(o, more)
	return o
}

// allLevels logs one line of each level.
func allLevels(l *slog.Logger) {
	l.Debug("d")
	l.Info("i")
	l.Warn("w")
	l.Error("e")
}

// levelsIn are the first letters of the levels in Prosody's lines.
func levelsIn(s string) string {
	var out strings.Builder
	for line := range strings.Lines(s) {
		if f := strings.Split(line, "\t"); len(f) == 3 {
			out.WriteByte(f[1][0])
		}
	}
	return out.String()
}

func TestSinks(t *testing.T) {
	tests := []struct {
		name    string
		options lua
		console string // levels that arrive
		stdout  string
		files   map[string]string
	}{
		{"default", nil, "iwe", "", nil},
		{"default with debug", lua{"debug": true}, "diwe", "", nil},
		{"file", lua{"log": "a.log"}, "", "", map[string]string{"a.log": "iwe"}},
		{"file with debug", lua{"log": "a.log", "debug": true}, "", "", map[string]string{"a.log": "diwe"}},
		{"console", lua{"log": "*console"}, "diwe", "", nil},
		{"stdout", lua{"log": "*stdout"}, "", "diwe", nil},
		{"nowhere", lua{"log": "*nowhere"}, "", "", nil},
		{"empty table", lua{"log": []any{}}, "", "", nil},
		{"levels and above", lua{"log": lua{"info": "a.log", "error": "b.log", "warn": "*stdout"}}, "", "we", map[string]string{"a.log": "iwe", "b.log": "e"}},
		{"debug is not for tables", lua{"log": lua{"info": "a.log"}, "debug": true}, "", "", map[string]string{"a.log": "iwe"}},
		{"list", lua{"log": []any{"*console", lua{"to": "stdout", "levels": []any{"debug", "warn"}}}}, "diwe", "dw", nil},
		{"min", lua{"log": []any{lua{"to": "console", "levels": lua{"min": "warn"}}}}, "we", "", nil},
		{"max", lua{"log": []any{lua{"to": "console", "levels": lua{"max": "info"}}}}, "di", "", nil},
		{"min and max", lua{"log": []any{lua{"to": "console", "levels": lua{"min": "info", "max": "warn"}}}}, "iw", "", nil},
		{"word", lua{"log": []any{lua{"to": "console", "levels": "warn"}}}, "we", "", nil},
		{"star", lua{"log": []any{lua{"to": "console", "levels": "*"}}}, "diwe", "", nil},
		{"table of a file", lua{"log": []any{lua{"to": "file", "filename": "a.log", "levels": []any{"error"}}}}, "", "", map[string]string{"a.log": "e"}},
		{"two sinks on one file", lua{"log": []any{lua{"to": "file", "filename": "a.log", "levels": []any{"error"}}, lua{"to": "file", "filename": "./a.log", "levels": []any{"debug"}}}}, "", "", map[string]string{"a.log": "de"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, tt.options)
			allLevels(s.Slog())
			if s.problems != "" {
				t.Errorf("problems: %s", s.problems)
			}
			if got := levelsIn(s.stderr.take()); got != tt.console {
				t.Errorf("console: got %q, want %q", got, tt.console)
			}
			if got := levelsIn(s.stdout.take()); got != tt.stdout {
				t.Errorf("stdout: got %q, want %q", got, tt.stdout)
			}
			for name, want := range tt.files {
				if got := levelsIn(s.file(name)); got != want {
					t.Errorf("%s: got %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestProblems(t *testing.T) {
	tests := []struct {
		name    string
		options lua
		want    string
	}{
		{"number", lua{"log": 5}, "warning: cfg:1: log: want a file name or a table, got 5"},
		{"unknown sink", lua{"log": "*consle"}, `warning: cfg:1: log: no sink "*consle"; did you mean "*console"?`},
		{"file as a sink", lua{"log": "*file"}, `warning: cfg:1: log: no sink "*file"`},
		{"unknown level", lua{"log": lua{"information": "x"}}, "warning: cfg:1: log: information is no level; they are debug, info, warn and error"},
		{"level of nothing", lua{"log": lua{"info": true}}, `warning: cfg:1: log.info: want a file name or a sink such as "*syslog", got true`},
		{"item", lua{"log": []any{"x.log"}}, `warning: cfg:1: log: want a table or a sink such as "*syslog", got "x.log"`},
		{"unknown to", lua{"log": []any{lua{"to": "sylog"}}}, `warning: cfg:1: log: no sink "sylog"; did you mean "syslog"?`},
		{"no filename", lua{"log": []any{lua{"to": "file"}}}, "warning: cfg:1: log: a sink to a file needs filename"},
		{"unknown key", lua{"log": []any{lua{"to": "console", "level": "info"}}}, "warning: cfg:1: log: a sink has no key level"},
		{"bad level", lua{"log": []any{lua{"to": "console", "levels": []any{"inf"}}}}, `warning: cfg:1: log: "inf" is no level; they are debug, info, warn and error`},
		{"facility", lua{"syslog_facility": "local9"}, `warning: cfg:1: syslog_facility: no facility "local9"; "daemon" is used`},
		{"format", lua{"log_format": "xml"}, `error: cfg:1: log_format: want "text" or "json", got "xml"`},
		{"unwritable", lua{"log": "no/such/folder.log"}, "warning: cfg:1: log: open log file: open DIR/no/such/folder.log: no such file or directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, tt.options)
			if got := strings.ReplaceAll(s.problems, s.dir, "DIR"); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			allLevels(s.Slog()) // goes on
		})
	}
}

// A file that can not be opened is one problem, which Open's caller tells, and
// tried again by Reopen.
func TestUnwritableFile(t *testing.T) {
	s := open(t, lua{"log": "sub/a.log"})
	if strings.Count(s.problems, "open log file: ") != 1 {
		t.Errorf("problems: got %q", s.problems)
	}
	allLevels(s.Slog())
	if got := s.stderr.take(); got != "" {
		t.Errorf("told again: %q", got)
	}
	if err := s.Reopen(); err == nil {
		t.Error("Reopen gave no error")
	}
	_ = os.Mkdir(filepath.Join(s.dir, "sub"), 0o755)
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	s.Slog().Info("here")
	if got := s.file("sub/a.log"); !strings.HasSuffix(got, "tercet\tinfo\there\n") {
		t.Errorf("got %q", got)
	}
}

type loud struct{}

func (loud) LogValue() slog.Value {
	return slog.GroupValue(slog.Int("a", 1), slog.String("password", "x"))
}

type account struct{ Name, Password string }

func TestText(t *testing.T) {
	s := open(t, plain(nil))
	l := s.Slog()
	var nobody *stringer
	hi := stanza.New(stanza.Message, "", jid.JID{}, jid.MustParse("a@b"), "", element.New(element.NSClient, "body").Text("hi").Element())
	tests := []struct {
		name string
		log  func()
		want string
	}{
		{"plain", func() { l.Info("hello world") }, "tercet\tinfo\thello world"},
		{"source", func() { l.With("source", "c2s").Warn("x") }, "c2s\twarn\tx"},
		{"module", func() { l.With("module", "mam").Error("x") }, "mam\terror\tx"},
		{"host and module", func() { l.With("host", "example.org").With("module", "mam").Debug("x") }, "example.org:mam\tdebug\tx"},
		{"host", func() { l.With("host", "example.org").Info("x") }, "example.org\tinfo\tx"},
		{"level between", func() { l.Log(context.Background(), slog.LevelInfo+2, "x") }, "tercet\tinfo\tx"},
		{"level above", func() { l.Log(context.Background(), slog.LevelError+4, "x") }, "tercet\terror\tx"},
		{"numbers", func() { l.Info("x", "a", 1, "b", -2.5, "c", uint8(3), "d", true, "e", math.Inf(1)) }, "tercet\tinfo\tx a=1 b=-2.5 c=3 d=true e=+Inf"},
		{"times", func() { l.Info("x", "d", 90*time.Second, "t", time.Unix(0, 0).UTC()) }, "tercet\tinfo\tx d=1m30s t=1970-01-01T00:00:00Z"},
		{"quoted", func() { l.Info("x", "a", "two words", "b", "", "c", `q"`, "d", "a=b") }, `tercet	info	x a="two words" b="" c="q\"" d="a=b"`},
		{"error", func() { l.Info("x", "err", errors.New("no way")) }, `tercet	info	x err="no way"`},
		{"stringer", func() { l.Info("x", "ip", netip.MustParseAddr("::1")) }, "tercet\tinfo\tx ip=::1"},
		{"nil stringer", func() { l.Info("x", "a", nobody) }, `tercet	info	x a="*logging_test.stringer: panic: runtime error: invalid memory address or nil pointer dereference"`},
		{"nil", func() { l.Info("x", "a", nil) }, "tercet\tinfo\tx a=nil"},
		{"list", func() { l.Info("x", "a", []string{"b", "c"}) }, `tercet	info	x a="[b c]"`},
		{"group", func() { l.WithGroup("g").Info("x", slog.Group("h", "a", 1), "b", 2) }, "tercet\tinfo\tx g.h.a=1 g.b=2"},
		{"inline group", func() { l.Info("x", slog.Group("", "a", 1)) }, "tercet\tinfo\tx a=1"},
		{"LogValuer", func() { l.Info("x", "v", loud{}) }, "tercet\tinfo\tx v.a=1 v.password=[redacted]"},
		{"no module in a group", func() { l.WithGroup("g").With("module", "y").Info("x") }, "tercet\tinfo\tx g.module=y"},
		{"new lines", func() { l.With("source", "a\nb").Info("x\ny", "k\n", "v\nw") }, `a\nb	info	x\ny k\n=v\nw`}, //nolint:sloglint // guests choose keys
		{"control characters", func() { l.Info("\x1b[31mred\x00\u202e", "v", "\xff\u2028") }, `tercet	info	\x1b[31mred\x00\u202e v=\xff\u2028`},
		{"UTF-8", func() { l.Info("Grüße", "v", "日本") }, "tercet\tinfo\tGrüße v=日本"},
		{"stack", func() { l.Info("x", "stack", "main.f()\n\t/a.go:1\nmain.g()\n", "b", 1) }, "tercet\tinfo\tx stack=\n\tmain.f()\n\t  /a.go:1\n\tmain.g() b=1"},

		{"password", func() { l.Info("x", "password", "hunter2", "new_password", 42, "passwd", []byte("x")) }, "tercet\tinfo\tx password=[redacted] new_password=[redacted] passwd=[redacted]"},
		{"token", func() { l.With("access_token", "t").Info("x", "Authorization", "Basic eA==", "shared_secret", "s") }, "tercet\tinfo\tx access_token=[redacted] Authorization=[redacted] shared_secret=[redacted]"}, //nolint:sloglint // guests choose keys
		{"in a group", func() { l.Info("x", slog.Group("secrets", "a", "b")) }, "tercet\tinfo\tx secrets.a=[redacted]"},
		{"stanza", func() { l.Info("x", "s", hi, "e", hi.First(), "k", hi.Kind, "jid", hi.To) }, "tercet\tinfo\tx s=[redacted] e=[redacted] k=message jid=a@b"},
		{"body", func() { l.Info("x", "body", "hi", "m.body", "hi") }, "tercet\tinfo\tx body=[redacted] m.body=[redacted]"}, //nolint:sloglint // guests choose keys
		{"struct", func() {
			l.Info("x", "a", account{"a", "b"}, "p", &account{"a", "b"}, "m", map[string]string{"password": "b"})
		}, "tercet\tinfo\tx a=logging_test.account p=*logging_test.account m=map[string]string"},
		{"bytes", func() { l.Info("x", "b", []byte("hunter2")) }, `tercet	info	x b="7 bytes"`},
		{"body in a message", func() { l.Info("got <message to='a'><body>hi</body></message> from b") }, "tercet\tinfo\tgot <message to='a'><body [redacted]"},
		{"SASL in a message", func() { l.Debug("<auth xmlns='urn' mechanism='PLAIN'>AGEAYg==</auth>") }, "tercet\tdebug\t<auth [redacted]"},
		{"prefix", func() { l.Debug("<x><s:response>AGEAYg==</s:response>") }, "tercet\tdebug\t<x><response [redacted]"},
		{"body in an error", func() { l.Info("x", "err", fmt.Errorf("parse %q", "<body>hi</body>")) }, `tercet	info	x err="parse \"<body [redacted]"`},
		{"no body", func() { l.Info("<message to='a'/> <bodyguard/>") }, "tercet\tinfo\t<message to='a'/> <bodyguard/>"},
		{
			"assignments", func() { l.Info(`password=a, token: "b c" secret='d' Authorization: Bearer e.f (api_token=g)`) },
			"tercet\tinfo\tpassword=[redacted], token: [redacted] secret=[redacted] Authorization: [redacted] (api_token=[redacted])",
		},
		{"JSON", func() { l.Info(`{"user":"a","password":"b","n":1}`) }, `tercet	info	{"user":"a","password":[redacted],"n":1}`},
		{"URL", func() { l.Info("x", "url", "postgres://u:hunter2@db/x") }, "tercet\tinfo\tx url=postgres://u:[redacted]@db/x"},
		{"no password", func() { l.Info("password is wrong", "jid", "a@b") }, "tercet\tinfo\tpassword is wrong jid=a@b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.log()
			if got := s.stderr.take(); got != tt.want+"\n" {
				t.Errorf("got  %q\nwant %q", got, tt.want+"\n")
			}
		})
	}
}

type stringer struct{ s string }

func (s *stringer) String() string { return s.s }

func TestJSON(t *testing.T) {
	s := open(t, plain(lua{"log_format": "json"}))
	l := s.Slog().With("host", "example.org", "module", "mam", "a", 1).WithGroup("g")
	l.Warn("x \"y\"\n\x01\xff日", "password", "p", "f", math.NaN(), "b", true, "s", "<body>hi")
	line := s.stderr.take()
	var got map[string]any
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	when, err := time.Parse(time.RFC3339Nano, got["time"].(string))
	if err != nil || time.Since(when) > time.Minute {
		t.Errorf("time: %v, %v", got["time"], err)
	}
	delete(got, "time")
	want := map[string]any{
		"level": "warn", "source": "example.org:mam", "msg": "x \"y\"\n\x01\uFFFD日", "a": 1.0, "g.password": "[redacted]", "g.f": "NaN",
		"g.b": true, "g.s": "<body [redacted]",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if strings.Count(line, "\n") != 1 {
		t.Errorf("more than a line: %q", line)
	}
}

func TestTimestamps(t *testing.T) {
	at := time.Date(2026, 3, 5, 7, 8, 9, 0, time.Local)
	tests := []struct {
		name string
		sink lua
		want string
	}{
		{"default", lua{}, "Mar 05 07:08:09 tercet\tinfo\tx\n"},
		{"true", lua{"timestamps": true}, "Mar 05 07:08:09 tercet\tinfo\tx\n"},
		{"none", lua{"timestamps": false}, "tercet\tinfo\tx\n"},
		{"own", lua{"timestamps": "%Y-%m-%dT%H:%M:%S %a %e %j %% %q %"}, "2026-03-05T07:08:09 Thu  5 064 % %q %tercet\tinfo\tx\n"},
		{"more", lua{"timestamps": "%F %T %R %I%p %y %B %A %D|"}, "2026-03-05 07:08:09 07:08 07AM 26 March Thursday 03/05/26|tercet\tinfo\tx\n"},
		{"unix", lua{"timestamps": "%s "}, strconv.FormatInt(at.Unix(), 10) + " tercet\tinfo\tx\n"},
		{"width", lua{"timestamps": false, "source_width": 10}, "tercet    \tinfo\tx\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.sink["to"] = "console"
			s := open(t, lua{"log": []any{tt.sink}})
			r := slog.NewRecord(at, slog.LevelInfo, "x", 0)
			if err := s.Slog().Handler().Handle(context.Background(), r); err != nil {
				t.Fatal(err)
			}
			if got := s.stderr.take(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPrivate(t *testing.T) {
	s := open(t, plain(lua{"hide_sensitive_log_data": true}))
	s.Slog().With("jid", "juliet@example.org/balcony").Info("from romeo@example.net at 192.0.2.1:5222, [2001:db8::1]:5222 or ::1.",
		"ip", netip.MustParseAddrPort("[2001:db8::1]:1"), "to", "a@b", "at", "12:30:45", "version", "1.2.3", "host", "example.org", "n", "a::b")
	want := "tercet\tinfo\tfrom [jid] at [ip], [[ip]]:5222 or [ip]. jid=[jid] ip=[[ip]]:1 to=[jid] at=12:30:45 version=1.2.3 host=example.org n=[ip]\n"
	if got := s.stderr.take(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestLevelsAtRunTime(t *testing.T) {
	s := open(t, lua{"log": lua{"info": "*console", "error": "*stdout"}})
	l, mam := s.Slog(), s.Slog().With("host", "example.org", "module", "mam")
	check := func(when, console, ofMAM string) {
		t.Helper()
		allLevels(l)
		got := levelsIn(s.stderr.take())
		allLevels(mam)
		if gotMAM := levelsIn(s.stderr.take()); got != console || gotMAM != ofMAM {
			t.Errorf("%s: got %q and %q, want %q and %q", when, got, gotMAM, console, ofMAM)
		}
		if out := levelsIn(s.stdout.take()); out != "ee" {
			t.Errorf("%s: the other sink got %q", when, out)
		}
	}
	check("at first", "iwe", "iwe")
	s.SetDebug(true)
	check("debug", "diwe", "diwe")
	s.SetDebug(false)
	if l.Enabled(context.Background(), slog.LevelDebug) {
		t.Error("debug lines are still made")
	}
	s.SetLevel("mam", slog.LevelDebug)
	check("debug of mam", "iwe", "diwe")
	s.SetLevel("example.org:mam", slog.LevelError)
	check("errors of one mam", "iwe", "e")
	s.ResetLevels()
	check("reset", "iwe", "iwe")
}

func TestApply(t *testing.T) {
	s := open(t, lua{"log": "a.log"})
	l := s.Slog().With("module", "c2s") // made before
	l.Info("one")
	if problems := s.Apply(conf(lua{"log": lua{"info": "a.log", "debug": "b.log"}})); len(problems) > 0 {
		t.Error(problems)
	}
	l.Debug("two")
	l.Info("three")
	s.Apply(conf(lua{"log": "b.log"}))
	l.Info("four")
	if a, b := strings.Count(s.file("a.log"), "c2s\t"), strings.Count(s.file("b.log"), "c2s\t"); a != 2 || b != 3 {
		t.Errorf("a.log has %d lines, b.log %d; want 2 and 3", a, b)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	l.Info("after")
	if got := s.stderr.take(); !strings.HasSuffix(got, "c2s\tinfo\tafter\n") {
		t.Errorf("after Close: console %q", got)
	}
}

func TestFields(t *testing.T) {
	var names []string
	for _, f := range logging.Fields() {
		names = append(names, f.Name)
		if f.Doc == "" {
			t.Errorf("%s has no doc", f.Name)
		}
	}
	if !slices.Contains(names, "log") || !slices.Contains(names, "log_rotate_age") {
		t.Errorf("got %v", names)
	}
}
