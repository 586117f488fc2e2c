// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"tercet/core/control"
	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/iq"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/modules"
)

type tool struct {
	*coretest.Server
	t *testing.T
}

func newTool(t *testing.T, lua string, more ...module.Definition) tool {
	return tool{coretest.New(t, lua, append(more, modules.All...)...), t}
}

// An outcome is what a command gave.
type outcome struct {
	text, name string
	file       []byte
	progress   int
	result     map[string]any
	code       int
}

func (x tool) call(words string, each ...func(control.Reply)) (o outcome) {
	x.t.Helper()
	var err error
	o.code, err = control.Do(x.DialControl(), control.Request{Args: strings.Fields(words)}, func(r control.Reply) error {
		for _, fn := range each {
			fn(r)
		}
		o.text += r.Out + r.Err
		if r.Progress != nil {
			o.progress++
		}
		if r.File != nil {
			o.name += r.File.Name
			o.file = append(o.file, r.File.Data...)
		}
		if r.Result != nil {
			return json.Unmarshal(r.Result, &o.result)
		}
		return nil
	})
	if err != nil {
		x.t.Fatalf("%s: %v", words, err)
	}
	return o
}

// Each kind gives a file that Go's tools read, with what belongs into it and
// nothing of what people have said.
func TestKinds(t *testing.T) {
	x := newTool(t, "")
	const secret = "but-soft-what-light-through-yonder-window-breaks"
	romeo, juliet := x.Login("romeo", "orchard"), x.Login("juliet", "balcony")
	talk := func() {
		romeo.Send("<message to='" + juliet.JID + "' type='chat'><body>" + strings.Repeat(secret, 50) + "</body></message>")
		juliet.Next()
	}
	for _, tt := range []struct {
		words, name string
		want        string // in the file
		progress    int
	}{
		{"cpu --seconds 1", "profile-cpu-%.pprof", "cpu", 1},
		{"heap", "profile-heap-%.pprof", "inuse_space", 0},
		{"heap --gc --seconds 1", "profile-heap-%.pprof", "inuse_space", 1},
		{"trace --seconds 1", "profile-trace-%.trace", "go 1.", 1},
		{"mutex --seconds 1", "profile-mutex-%.pprof", "contentions", 1},
		{"goroutine", "profile-goroutine-%.pprof", "net.(*", 0},
		{"block --seconds 1 --output x.pprof", "profile-block-%.pprof", "contentions", 1},
		{"allocs", "profile-allocs-%.pprof", "alloc_space", 0},
	} {
		t.Run(tt.words, func(t *testing.T) {
			o := x.call("profile "+tt.words, func(r control.Reply) {
				if r.Progress != nil {
					talk() // while it is taken
				}
			})
			name := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(tt.name), "%", `\d{8}-\d{6}`) + "$")
			if o.code != 0 || !name.MatchString(o.name) || o.progress != tt.progress {
				t.Errorf("got %d, %q, %q, %d times progress", o.code, o.text, o.name, o.progress)
			}
			file := o.name
			if _, after, given := strings.Cut(tt.words, "--output "); given {
				file = after
			}
			if !strings.Contains(o.text, "written: "+file+", ") {
				t.Errorf("told: %q", o.text)
			}
			data := o.file
			if strings.HasSuffix(o.name, ".pprof") {
				z, err := gzip.NewReader(bytes.NewReader(o.file))
				if err != nil {
					t.Fatal(err)
				}
				if data, err = io.ReadAll(z); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Contains(data, []byte(tt.want)) {
				t.Errorf("%q is not in it (%d bytes)", tt.want, len(data))
			}
			for _, said := range []string{secret, "romeo@", "balcony", coretest.Password("romeo")} {
				if bytes.Contains(data, []byte(said)) {
					t.Errorf("%q is in it", said)
				}
			}
		})
	}
	if n := runtime.SetMutexProfileFraction(-1); n != 0 {
		t.Errorf("waits for mutexes are noted still: one of %d", n)
	}
}

// Called in a wrong way it takes nothing.
func TestUsage(t *testing.T) {
	x := newTool(t, "")
	for _, tt := range []struct {
		words, want string
		code        int
	}{
		{"profile", "cpu|heap|trace|mutex|goroutine|block|allocs is missing", 2},
		{"profile memory", `no profile "memory"`, 2},
		{"profile cpu --seconds 0", "--seconds is a number from 1 to 600", 2},
		{"profile cpu --seconds 601", "from 1 to 600", 2},
		{"profile cpu --seconds soon", `not "soon"`, 2},
		{"profile trace --seconds 61", "from 1 to 60", 2},
		{"profile heap --seconds -1", "from 0 to 600", 2},
		{"profile cpu --gc", "--gc is for heap and allocs", 2},
		{"profile heap --output - --json", "two things", 2},
		{"profile heap --otput x", "unknown option", 2},
		{"module top --seconds 0", "from 1 to 600", 2},
		{"module top ping", "what is", 2},
		{"help profile", "usage: tercet profile [--seconds N] [--output FILE] [--gc] cpu|heap|", 0},
	} {
		o := x.call(tt.words)
		if text := o.text + fmt.Sprint(o.result["error"]); o.code != tt.code || !strings.Contains(text, tt.want) || o.file != nil {
			t.Errorf("%s: got %d, %q, want %d, %q", tt.words, o.code, text, tt.code, tt.want)
		}
	}
	var list []string
	if _, err := control.Do(x.DialControl(), control.Request{Args: []string{"__complete", "profile", "g"}, JSON: true}, func(r control.Reply) error {
		return json.Unmarshal(r.Result, &list)
	}); err != nil || fmt.Sprint(list) != "[goroutine]" {
		t.Errorf("completed: %v, %v", list, err)
	}
	o := x.call("profile heap --json")
	if o.result["kind"] != "heap" || o.result["file"] != o.name || o.result["bytes"] != float64(len(o.file)) {
		t.Errorf("result: %v, of %s with %d bytes", o.result, o.name, len(o.file))
	}
	if o := x.call("profile heap --output -"); o.text != "" || len(o.file) == 0 {
		t.Errorf("beside the file: %q", o.text)
	}
}

// begin starts a command and waits for its first progress.
func (x tool) begin(words string) net.Conn {
	x.t.Helper()
	c := x.DialControl()
	b, err := json.Marshal(control.Request{Version: control.Version, Args: strings.Fields(words)})
	if err != nil {
		x.t.Fatal(err)
	}
	if _, err := c.Write(append(b, '\n')); err != nil {
		x.t.Fatal(err)
	}
	for dec := json.NewDecoder(c); ; {
		var r control.Reply
		if err := dec.Decode(&r); err != nil {
			x.t.Fatal(err)
		}
		if r.Progress != nil {
			return c
		}
		if r.Err != "" || r.Exit != nil {
			x.t.Fatalf("%s: %+v", words, r)
		}
	}
}

// Of two at a time the second is refused; when the first one's client goes
// away, or the module, another may come.
func TestOneAtATime(t *testing.T) {
	x := newTool(t, "")
	for kind, other := range map[string]string{"cpu": "cpu", "trace": "heap", "mutex": "trace", "block": "mutex", "heap": "block"} {
		first := x.begin("profile " + kind + " --seconds 50")
		o := x.call("profile " + other)
		if o.code != 1 || !regexp.MustCompile("a profile is being taken already, "+kind+`, for (50|49)s more: try again later`).MatchString(o.text) || o.name != "" {
			t.Errorf("%s beside %s: got %d, %q", other, kind, o.code, o.text)
		}
		_ = first.Close() // what the test is about
		coretest.Eventually(t, "the first has ended", func() bool { return x.call("profile goroutine").code == 0 })
	}
	if n := runtime.SetMutexProfileFraction(-1); n != 0 {
		t.Errorf("waits for mutexes are noted still: one of %d", n)
	}
	first := x.begin("profile cpu --seconds 50")
	if o := x.call("module reload profile"); o.code != 0 {
		t.Fatal(o.text)
	}
	b, _ := io.ReadAll(first) // the connection's end is no fault
	if !strings.Contains(string(b), "unloaded meanwhile") || !strings.Contains(string(b), `"exit":1`) {
		t.Errorf("told: %s", b)
	}
	if o := x.call("profile cpu --seconds 1"); o.code != 0 {
		t.Error(o.text)
	}
}

// An older program is told that it cannot take a file.
func TestOldClient(t *testing.T) {
	x := newTool(t, "")
	c := x.DialControl()
	if _, err := io.WriteString(c, `{"version":1,"args":["profile","heap"]}`+"\n"); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil || !strings.Contains(string(b), "older than the server") {
		t.Errorf("got %s, %v", b, err)
	}
}

var name = element.Name{Space: "urn:test", Local: "q"}

// costly is a module whose cost is known, and one that fails.
func costly() module.Definition {
	return module.Define("costly", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		route.Out[stanza.Message][route.Full].Handle(s, 10, func(context.Context, *route.Event) ext.Verdict {
			<-time.After(10 * time.Millisecond)
			return ext.Next
		})
		iq.Handle(s, iq.Get, iq.Host, name, func(_ context.Context, r *iq.Request) (element.Element, error) {
			if r.Payload.Text() == "panic" {
				panic("on purpose")
			}
			return element.Element{}, errors.New("on purpose")
		})
		return nil
	})
}

// The table has what a module costs, and so have the metrics.
func TestTop(t *testing.T) {
	x := newTool(t, "modules_enabled = { \"costly\", \"ping\" }\nlog = { { levels = { \"error\" }, to = \"file\", filename = \"x.log\" } }\n", costly())
	romeo, juliet := x.Login("romeo", "orchard"), x.Login("juliet", "balcony")
	const messages = 20
	talk := func() {
		for range messages {
			romeo.Send("<message to='" + juliet.JID + "' type='chat'><body>x</body></message>")
			juliet.Next()
		}
	}
	ext.MeterOf(x.guest("costly")).AddMemory(33<<20 + 12345)
	ask := func(text string) {
		romeo.Send("<iq type='get' id='a' to='example.org'><q xmlns='urn:test'>" + text + "</q></iq>")
	}
	ask("error")
	romeo.Next()
	talked := false
	during := func(r control.Reply) {
		if r.Progress != nil && !talked {
			talked = true
			talk()
		}
	}
	x.Reconfigure("modules_enabled = { \"costly\" }\nlog = { { levels = { \"error\" }, to = \"file\", filename = \"x.log\" } }\n") // goes on counting
	o := x.call("module top --seconds 2", during)
	if o.code != 0 || !regexp.MustCompile(`^MODULE +EVENTS +TIME +OF A CORE +EACH +ERRORS +PANICS +MEMORY\ncostly +20 +[2-9]\d\dms +\d+\.\d\d % +[1-4]\d\.?\d*ms +1 +0 +33 MiB\n`).MatchString(o.text) {
		t.Errorf("got %d\n%s", o.code, o.text)
	}
	if !regexp.MustCompile(`(?m)^\d\.\d seconds, of which the whole process took \d+\.\d\d of CPU; without an event: \d+ modules$`).MatchString(o.text) {
		t.Errorf("the end: %s", o.text)
	}
	ask("panic")
	romeo.Ended()
	talked = true
	o = x.call("module top --seconds 1 --json", during)
	list, _ := o.result["modules"].([]any)
	found := 0
	for _, m := range list {
		m, _ := m.(map[string]any)
		if m["module"] == "costly" {
			found++
			if m["events"] != 0.0 || m["seconds"] != 0.0 || m["errors"] != 1.0 || m["panics"] != 1.0 || m["memory"] != float64(33<<20+12345) {
				t.Errorf("got %v", m)
			}
		}
	}
	if found != 1 || len(list) < 10 {
		t.Errorf("%d times in %d rows", found, len(list))
	}
	metrics := make(map[string]float64)
	for s := range x.Env.Metrics.All() {
		if s.Labels == `module="costly"` {
			metrics[s.Name] = s.Value
		}
	}
	if metrics["tercet_module_events_total"] < messages || metrics["tercet_module_seconds_total"] < 0.2 ||
		metrics["tercet_module_errors_total"] != 1 || metrics["tercet_module_panics_total"] != 1 {
		t.Errorf("metrics: %v", metrics)
	}
}

// guest is a scope that feeds the meter of a module, as a guest's does.
func (x tool) guest(name string) *ext.Scope {
	s := ext.NewScope(x.t.Context(), name, ext.NewTable())
	s.Feed(x.Env.Manager.Meters()[name])
	return s
}

// Watching ends with its client; a host that comes meanwhile is watched, too.
func TestTopEnds(t *testing.T) {
	x := newTool(t, "modules_enabled = { \"costly\" }\n", costly())
	romeo := x.Login("romeo", "orchard")
	events := func() uint64 {
		romeo.Send("<message to='nurse@example.net/x' type='chat' id='m'/>")
		romeo.Next() // bounced
		return x.Env.Manager.Meters()["costly"].Watched().Events
	}
	if n := events(); n != 0 {
		t.Fatalf("%d events were counted before", n)
	}
	first, stop := x.begin("module top --seconds 60"), x.Env.Manager.Watch()
	x.Reconfigure("modules_enabled = { \"costly\" }\nVirtualHost \"example.org\"\nVirtualHost \"example.com\"\n")
	x.AddUser("example.com", "juliet", "secret")
	juliet := coretest.NewClient(t, x.Dial("c2s"), "example.com")
	juliet.Plain("juliet", "secret")
	juliet.Bind("balcony")
	juliet.Send("<message to='nurse@example.net/x' type='chat' id='m'/>")
	juliet.Next()
	if n := events(); n != 2 {
		t.Errorf("%d events were counted, want 2", n)
	}
	_ = first.Close() // the module was loaded anew, and has ended it
	if n := events(); n != 3 {
		t.Errorf("%d events were counted, want 3", n)
	}
	stop()
	stop() // does nothing
	if n := events(); n != 3 {
		t.Errorf("%d events were counted afterwards", n-3)
	}
	last := x.begin("module top --seconds 60")
	if n := events(); n != 4 {
		t.Errorf("%d events were counted, want 4", n)
	}
	_ = last.Close() // what the test is about
	coretest.Eventually(t, "nothing is counted", func() bool {
		before := events()
		return events() == before
	})
}
