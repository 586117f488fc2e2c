// SPDX-License-Identifier: Apache-2.0

package logging

import (
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tercet/config"
)

// options are those of the config that concern the log.
type options struct {
	Log      config.Value  `lua:"log" type:"string or table" doc:"A file, \"*console\", \"*stdout\", \"*syslog\" or \"*nowhere\"; or a table of sinks, see below."`
	Debug    bool          `lua:"debug" doc:"Log debug lines too where log is not a table."`
	Format   string        `lua:"log_format" enum:"text|json" doc:"Lines as Prosody writes them, or one JSON object a line."`
	Size     config.Size   `lua:"log_rotate_size" min:"0" doc:"Size from which a log file is rotated; 0 is never."`
	Age      time.Duration `lua:"log_rotate_age" min:"0" never:"true" doc:"Period after which a log file is rotated."`
	Count    int           `lua:"log_rotate_count" min:"0" max:"1000" doc:"Rotated files that are kept: prosody.log.1 is the newest."`
	Facility string        `lua:"syslog_facility" doc:"Facility of lines to syslog."`
	Private  bool          `lua:"hide_sensitive_log_data" doc:"Log no addresses and no JIDs of users."`
}

func defaults() options { return options{Format: "text", Count: 5, Facility: "daemon"} }

// Fields describes the options.
func Fields() []config.Field { return config.Schema(defaults()) }

// Check reports what is wrong with the options; it opens nothing.
func Check(c *config.Config) []config.Problem {
	_, problems := parse(c)
	return problems
}

// plan is what the config asks for.
type plan struct {
	sinks   []sinkSpec
	private bool
}

// sinkSpec is one sink of the config.
type sinkSpec struct {
	pos        config.Pos
	to         string // "console", "stdout", "file", "syslog"
	mask       mask
	filename   string
	timestamps string // strftime format; empty: none
	width      int    // of the source column
	json       bool
	name       string // for syslog
	facility   int
	rotate     rotation
}

const defaultTimestamps = "%b %d %H:%M:%S "

// sinkWords are the kinds of sinks.
var sinkWords = []string{"console", "file", "nowhere", "stdout", "syslog"}

func (s sinkSpec) path(dir string) string {
	if filepath.IsAbs(s.filename) {
		return filepath.Clean(s.filename)
	}
	return filepath.Join(dir, s.filename)
}

// fromInfo reports whether the sink begins at info, as most do.
func (s sinkSpec) fromInfo() bool { return s.mask&debugBit == 0 && s.mask&infoBit != 0 }

// parser turns values into sinks.
type parser struct {
	o        options
	facility int
	plan     plan
	problems []config.Problem
}

func parse(c *config.Config) (plan, []config.Problem) {
	p := &parser{o: defaults()}
	p.problems = config.Decode(c, "", &p.o)
	p.plan.private = p.o.Private
	facility, ok := facilities[strings.ToLower(p.o.Facility)]
	if !ok {
		v, _ := c.Lookup("", "syslog_facility")
		p.warn(v, `syslog_facility: no facility %s; "daemon" is used`, v)
		facility = facilities["daemon"]
	}
	p.facility = facility
	upFromInfo := infoAndAbove
	if p.o.Debug {
		upFromInfo = everything
	}
	switch v := p.o.Log; {
	case v.IsZero():
		p.add(p.sink(v, "console", upFromInfo))
	case v.Kind() == config.Table:
		p.table(v)
	case v.Kind() != config.String:
		p.warn(v, "log: want a file name or a table, got %s", v)
		p.add(p.sink(v, "console", upFromInfo))
	case strings.HasPrefix(v.Str(), "*"):
		p.word(v, everything)
	default:
		s := p.sink(v, "file", upFromInfo)
		s.filename = v.Str()
		p.add(s)
	}
	return p.plan, p.problems
}

func (p *parser) warn(v config.Value, format string, args ...any) {
	text := config.Errorf(v, format, args...).Error()
	p.problems = append(p.problems, config.Problem{Pos: v.Pos, Severity: config.Warning, Text: text})
}

func (p *parser) add(s sinkSpec) {
	if s.to != "nowhere" {
		p.plan.sinks = append(p.plan.sinks, s)
	}
}

// sink is a sink with what the global options say.
func (p *parser) sink(v config.Value, to string, m mask) sinkSpec {
	return sinkSpec{
		pos: v.Pos, to: to, mask: m, timestamps: defaultTimestamps, json: p.o.Format == "json",
		name: "tercet", facility: p.facility,
		rotate: rotation{size: int64(p.o.Size), age: p.o.Age, count: p.o.Count},
	}
}

// word adds a sink written as "*console".
func (p *parser) word(v config.Value, m mask) {
	to := strings.TrimPrefix(v.Str(), "*")
	if !slices.Contains(sinkWords, to) || to == "file" {
		p.warn(v, "log: no sink %s%s", v, didYouMean("*", to))
		return
	}
	p.add(p.sink(v, to, m))
}

func didYouMean(prefix, word string) string {
	if near := config.Suggest(word, sinkWords); near != "" {
		return `; did you mean "` + prefix + near + `"?`
	}
	return ""
}

// table reads { info = "prosody.log", error = "*syslog", "*console", { ... } }.
func (p *parser) table(v config.Value) {
	for _, f := range v.Fields() {
		from, ok := levelNames[f.Key]
		switch {
		case !ok:
			p.warn(f.Value, "log: %s is no level; they are debug, info, warn and error", f.Key)
		case strings.HasPrefix(f.Value.Str(), "*"):
			p.word(f.Value, atLeast(from))
		case f.Value.Str() == "":
			p.warn(f.Value, "log.%s: want a file name or a sink such as \"*syslog\", got %s", f.Key, f.Value)
		default:
			s := p.sink(f.Value, "file", atLeast(from))
			s.filename = f.Value.Str()
			p.add(s)
		}
	}
	for _, item := range v.List() {
		switch {
		case item.Kind() == config.Table:
			p.item(item)
		case strings.HasPrefix(item.Str(), "*"):
			p.word(item, everything)
		default:
			p.warn(item, "log: want a table or a sink such as \"*syslog\", got %s", item)
		}
	}
}

// sinkKeys are those of a sink that is a table.
type sinkKeys struct {
	To        string       `lua:"to"`
	Filename  string       `lua:"filename"`
	Levels    config.Value `lua:"levels"`
	Times     config.Value `lua:"timestamps"`
	Width     int          `lua:"source_width" min:"0" max:"200"`
	Buffer    config.Value `lua:"buffer_mode"` // each line is written at once
	Name      string       `lua:"syslog_name"`
	Facility  string       `lua:"syslog_facility"`
	Format    string       `lua:"format" enum:"text|json"`
	Converter config.Value `lua:"converter"` // of Lua sinks
}

// item reads { to = "file", filename = "x", levels = { min = "warn" } }.
func (p *parser) item(v config.Value) {
	sub := config.New(v.Pos.File, "")
	for _, f := range v.Fields() {
		sub.Global.Options[f.Key] = f.Value
		if names := config.Names(sinkKeys{}); !slices.Contains(names, f.Key) {
			p.warn(f.Value, "log: a sink has no key %s", f.Key)
		}
	}
	k := sinkKeys{Format: p.o.Format}
	for _, problem := range config.Decode(sub, "", &k) {
		problem.Severity, problem.Text = config.Warning, "log: "+problem.Text
		p.problems = append(p.problems, problem)
	}
	if k.To == "" && k.Filename != "" {
		k.To = "file"
	}
	switch {
	case !slices.Contains(sinkWords, k.To):
		p.warn(v, "log: no sink %q%s", k.To, didYouMean("", k.To))
		return
	case k.To == "file" && k.Filename == "":
		p.warn(v, "log: a sink to a file needs filename")
		return
	}
	s := p.sink(v, k.To, p.levels(k.Levels))
	s.filename, s.width, s.json = k.Filename, k.Width, k.Format == "json"
	if k.Name != "" {
		s.name = k.Name
	}
	if n, ok := facilities[strings.ToLower(k.Facility)]; ok {
		s.facility = n
	} else if k.Facility != "" {
		p.warn(v, "log: no facility %q", k.Facility)
	}
	switch k.Times.Kind() {
	case config.String:
		s.timestamps = k.Times.Str()
	case config.Bool:
		if !k.Times.Bool() {
			s.timestamps = ""
		}
	default:
	}
	p.add(s)
}

// levels reads "warn" (and above), "*", { "warn", "error" } (these) or
// { min = "info", max = "warn" }.
func (p *parser) levels(v config.Value) mask {
	level := func(v config.Value) (slog.Level, bool) {
		l, ok := levelNames[v.Str()]
		if !ok {
			p.warn(v, "log: %s is no level; they are debug, info, warn and error", v)
		}
		return l, ok
	}
	switch v.Kind() {
	case config.Nil:
		return everything
	case config.String:
		if v.Str() == "*" {
			return everything
		}
		if l, ok := level(v); ok {
			return atLeast(l)
		}
		return everything
	case config.Table:
	default:
		p.warn(v, "log: want levels such as { min = \"info\" }, got %s", v)
		return everything
	}
	var m mask
	lowest, hasMin := v.Get("min")
	highest, hasMax := v.Get("max")
	if hasMin || hasMax {
		m = everything
	}
	if hasMin {
		if l, ok := level(lowest); ok {
			m &= atLeast(l)
		}
	}
	if hasMax {
		if l, ok := level(highest); ok {
			m &= atMost(l)
		}
	}
	for _, item := range v.List() {
		if l, ok := level(item); ok {
			m |= bit(l)
		}
	}
	return m
}
