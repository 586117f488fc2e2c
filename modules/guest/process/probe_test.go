// SPDX-License-Identifier: Apache-2.0

package process_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"tercet/core/coretest"
	"tercet/modules"
	"tercet/sdk/proto/modulepb"
)

// A behaviour is what a probe does about the events of one message; what it
// returns is sent.
type behaviour func(p *probe, events []*modulepb.Event) *modulepb.FromPlugin

// A probe is this test as a plugin.
type probe struct {
	goplugin.NetRPCUnsupportedPlugin
	modulepb.UnimplementedModuleServer
	argument string
	loaded   *modulepb.Loaded
	behave   behaviour
	stream   grpc.BidiStreamingServer[modulepb.FromServer, modulepb.FromPlugin]
}

// variable tells the test that it is a probe, and which.
const variable = "TERCET_PROBE"

func TestMain(m *testing.M) {
	if name := os.Getenv(variable); name != "" {
		become(name)
		return
	}
	os.Exit(m.Run())
}

// become is the main of a probe. What is special about one is in its name and
// the argument behind it.
func become(name string) {
	name, argument, _ := strings.Cut(name, " ")
	version := uint(modulepb.Version)
	switch name {
	case "exits":
		fmt.Fprintln(os.Stderr, "I will not")
		os.Exit(3)
	case "mute":
		<-time.After(time.Minute)
	case "nonsense":
		fmt.Println("hello")
		<-time.After(time.Minute)
	case "version":
		version++
	case "lives": // and so often it has
		if lives := appended(argument); lives > 1 {
			os.Exit(3)
		}
	case "orphan":
		orphan()
	}
	p := &probe{argument: argument, behave: behaviours[name], loaded: &modulepb.Loaded{Hooks: []*modulepb.Hook{{Handler: 1, Name: "pre-message/bare"}}}}
	if p.behave == nil {
		p.behave = stop
	}
	if change := loads[name]; change != nil {
		change(p)
	}
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: goplugin.HandshakeConfig{ProtocolVersion: version, MagicCookieKey: modulepb.CookieKey, MagicCookieValue: modulepb.CookieValue},
		Plugins:         goplugin.PluginSet{modulepb.PluginName: p},
		GRPCServer:      goplugin.DefaultGRPCServer,
		Logger:          hclog.NewNullLogger(),
	})
}

// GRPCServer implements go-plugin's GRPCPlugin.
func (p *probe) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	modulepb.RegisterModuleServer(s, p)
	return nil
}

// GRPCClient implements go-plugin's GRPCPlugin.
func (p *probe) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("this is the plugin's side")
}

// Session implements modulepb.ModuleServer.
func (p *probe) Session(stream grpc.BidiStreamingServer[modulepb.FromServer, modulepb.FromPlugin]) error {
	p.stream = stream
	if _, err := stream.Recv(); err != nil {
		return err
	}
	if p.loaded != nil {
		if err := stream.Send(&modulepb.FromPlugin{Loaded: p.loaded}); err != nil {
			return err
		}
	}
	for {
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		if m.Goodbye {
			return nil
		}
		if out := p.behave(p, m.Events); out != nil {
			if err := stream.Send(out); err != nil {
				return err
			}
		}
	}
}

// answering answers each event alike.
func answering(change func(*probe, *modulepb.Answer)) behaviour {
	return func(p *probe, events []*modulepb.Event) *modulepb.FromPlugin {
		out := new(modulepb.FromPlugin)
		for _, ev := range events {
			a := &modulepb.Answer{Id: ev.Id}
			change(p, a)
			out.Answers = append(out.Answers, a)
		}
		return out
	}
}

// refuse answers a message with an error that has a text in it.
func refuse(a *modulepb.Answer, text string) {
	a.Verdict = modulepb.Verdict_STOP
	a.Reply = fmt.Appendf(nil, "<error type='cancel'><said xmlns='urn:example:said'>%s</said></error>", text)
}

// stop refuses each message and tells which process does.
var stop = answering(func(_ *probe, a *modulepb.Answer) { refuse(a, strconv.Itoa(os.Getpid())) })

// loads are what is attached in another way than to pre-message/bare alone.
var loads = map[string]func(*probe){
	"hook":   func(p *probe) { p.loaded.Hooks[0].Name = p.argument },
	"filter": func(p *probe) { p.loaded.Hooks[0].Filter = p.argument },
	"add":    func(p *probe) { p.loaded.Adds = []*modulepb.Add{{Name: p.argument, Value: []byte(`"x"`)}} },
	"timer": func(p *probe) {
		n, _ := strconv.Atoi(p.argument)
		p.loaded.Timers = []*modulepb.Timer{{Handler: 2, PeriodMs: uint32(n)}}
	},
	"error":  func(p *probe) { p.loaded = &modulepb.Loaded{Error: p.argument} },
	"silent": func(p *probe) { p.loaded = nil },
	"changing": func(p *probe) {
		if appended(p.argument) == 2 {
			p.loaded.Hooks[0].Priority = 7
		}
	},
	"values": func(p *probe) { p.loaded.Hooks[0].Name = "user-registering" },
	"auth": func(p *probe) {
		p.loaded.Hooks = []*modulepb.Hook{{Handler: 1, Name: "auth/check"}, {Handler: 2, Name: "auth/exists"}}
		p.loaded.Adds = []*modulepb.Add{{Name: "auth-provider", Value: []byte("true")}}
	},
}

var behaviours = map[string]behaviour{
	"next":    answering(func(*probe, *modulepb.Answer) {}),
	"nothing": func(*probe, []*modulepb.Event) *modulepb.FromPlugin { return nil },
	"dies":    func(*probe, []*modulepb.Event) *modulepb.FromPlugin { os.Exit(4); return nil },
	"lives":   func(*probe, []*modulepb.Event) *modulepb.FromPlugin { os.Exit(4); return nil },
	"slow": func(p *probe, events []*modulepb.Event) *modulepb.FromPlugin {
		d, _ := time.ParseDuration(p.argument)
		<-time.After(d)
		return stop(p, events)
	},
	"tally": func(p *probe, events []*modulepb.Event) *modulepb.FromPlugin {
		for range events {
			appended(p.argument)
		}
		return nil
	},
	"garbage": answering(func(_ *probe, a *modulepb.Answer) {
		a.Verdict, a.Reply = modulepb.Verdict_STOP, []byte("<error type='cancel'><gone")
	}),
	"large":   answering(func(_ *probe, a *modulepb.Answer) { refuse(a, strings.Repeat("x", 10<<20)) }),
	"huge":    answering(func(_ *probe, a *modulepb.Answer) { refuse(a, strings.Repeat("x", 30<<20)) }),
	"verdict": answering(func(_ *probe, a *modulepb.Answer) { a.Verdict = 7 }),
	"failed":  answering(func(_ *probe, a *modulepb.Answer) { a.Verdict, a.Error = modulepb.Verdict_FAILED, "on\npurpose" }),
	"send":    answering(func(p *probe, a *modulepb.Answer) { a.Sends = [][]byte{[]byte(p.argument)} }),
	"reply":   answering(func(p *probe, a *modulepb.Answer) { a.Verdict, a.Reply = modulepb.Verdict_STOP, []byte(p.argument) }),
	"replace": answering(func(p *probe, a *modulepb.Answer) { a.Replace = []byte(p.argument) }),
	"timer": answering(func(_ *probe, a *modulepb.Answer) {
		a.Sends = [][]byte{[]byte("<message to='juliet@example.org' id='tick'/>")}
	}),
	"values": answering(func(_ *probe, a *modulepb.Answer) {
		a.Verdict, a.Replace = modulepb.Verdict_STOP, []byte(`{"refuse":"Not you."}`)
	}),
	"twice": func(p *probe, events []*modulepb.Event) *modulepb.FromPlugin {
		out := stop(p, events)
		out.Answers = append(out.Answers, out.Answers...)
		out.Answers = append(out.Answers, &modulepb.Answer{Id: 1 << 40}, &modulepb.Answer{})
		return out
	},
	"flood": func(p *probe, events []*modulepb.Event) *modulepb.FromPlugin {
		flooding.Do(func() { go flood() })
		out := stop(p, events)
		for range 10_000 {
			out.Lines = append(out.Lines, &modulepb.Line{Level: 3, Text: "I say"})
		}
		return out
	},
	"auth":     authenticate,
	"where":    answering(func(_ *probe, a *modulepb.Answer) { refuse(a, where()) }),
	"orphan":   answering(func(_ *probe, a *modulepb.Answer) { refuse(a, os.Getenv("GRANDCHILD")) }),
	"requests": requests,
}

// where tells the folder of this process, the names of its variables, and what
// files it has open beside what the Go runtime opens.
func where() string {
	dir, _ := os.Getwd()
	info, err := os.Stat(dir)
	if err != nil {
		return err.Error()
	}
	var names, files []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	for fd := range 100 {
		to, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
		if to, _, _ = strings.Cut(to, ":["); err == nil && !strings.HasPrefix(to, "anon_inode") && !strings.HasPrefix(to, "/sys/fs/cgroup/") {
			files = append(files, to)
		}
	}
	return fmt.Sprint(dir, " ", info.Mode().Perm(), " ", names, " ", files)
}

// requests makes requests of the store, and refuses the message with the codes
// of their results.
func requests(p *probe, events []*modulepb.Event) *modulepb.FromPlugin {
	long := strings.Repeat("k", 513)
	all := []*modulepb.Request{
		{Operation: modulepb.Operation_GET, Owner: "romeo", Key: "k"},
		{Operation: modulepb.Operation_PUT, Owner: "romeo", Key: "k", Value: []byte("v")},
		{Operation: modulepb.Operation_GET, Owner: "romeo", Key: "k"},
		{Operation: modulepb.Operation_PUT, Owner: "romeo", Key: "empty", Value: []byte{}},
		{Operation: modulepb.Operation_GET, Owner: "romeo", Key: "empty"},
		{Operation: modulepb.Operation_FIND, Owner: "romeo", Key: ""},
		{Operation: modulepb.Operation_PUT, Owner: "romeo", Key: "k"},
		{Operation: modulepb.Operation_GET, Owner: "romeo", Key: "k"},
		{Operation: modulepb.Operation_COUNT, Key: "n", By: 40},
		{Operation: modulepb.Operation_COUNT, Key: "n", By: 2},
		{Operation: modulepb.Operation_PUT, Owner: "romeo", Key: "word", Value: []byte("x")},
		{Operation: modulepb.Operation_COUNT, Owner: "romeo", Key: "word", By: 1},
		{Operation: modulepb.Operation_PUT, Owner: "romeo", Key: "word"},
		{Operation: modulepb.Operation_GET, Key: long},
		{Operation: modulepb.Operation_PUT, Key: "k", Value: bytes.Repeat([]byte("v"), 1<<20+1)},
		{Operation: 9},
	}
	for i, r := range all {
		r.Id = uint64(100 + i)
	}
	if err := p.stream.Send(&modulepb.FromPlugin{Requests: all}); err != nil {
		return nil
	}
	var codes []string
	for len(codes) < len(all) {
		m, err := p.stream.Recv()
		if err != nil {
			return nil
		}
		for _, r := range m.Results {
			if r.Id != uint64(100+len(codes)) {
				codes = append(codes, "out of order")
			}
			codes = append(codes, strings.TrimSpace(fmt.Sprintf("%v %s", r.Code, strings.NewReplacer(`"`, "", "[", "", "]", "").Replace(string(r.Value)))))
			if r.Number != 0 {
				codes[len(codes)-1] += strconv.FormatInt(r.Number, 10)
			}
		}
	}
	out := new(modulepb.FromPlugin)
	for _, ev := range events {
		a := &modulepb.Answer{Id: ev.Id}
		refuse(a, strings.Join(codes, ", "))
		out.Answers = append(out.Answers, a)
	}
	return out
}

// flood writes as much as it can to its standard error and output, also where
// go-plugin does not see it.
func flood() {
	line := strings.Repeat("x", 5000) + "\n"
	go func() {
		for {
			if _, err := syscall.Write(2, []byte(line)); err != nil {
				return
			}
		}
	}()
	for {
		fmt.Fprint(os.Stderr, line)
		fmt.Fprint(os.Stdout, "\xff\x00\n")
	}
}

var flooding sync.Once

// orphan leaves a process behind that holds its pipes.
func orphan() {
	p, err := os.StartProcess("/bin/sleep", []string{"sleep", "60"}, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err == nil {
		os.Setenv("GRANDCHILD", strconv.Itoa(p.Pid))
	}
}

// appended adds a byte to a file, and returns how many it has then.
func appended(name string) int {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 0
	}
	defer f.Close()
	fmt.Fprint(f, "x")
	return size(name)
}

func size(name string) int {
	info, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return int(info.Size())
}

// config enables a probe. Where the limit does not matter it is long: the
// machine that tests may be busy.
func config(t testing.TB, name, more string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(more, "limit") {
		more = "limit = '5s', " + more
	}
	if !strings.Contains(more, "allow") {
		more = "allow = { 'hook:*' }, " + more
	}
	return fmt.Sprintf("modules_enabled = { 'disco', 'probe' }\nprocess_modules = { probe = { command = { %q }, env = { %s = %q }, %s } }\n", self, variable, name, more)
}

// A world is a server with a probe, and romeo and juliet.
type world struct {
	*coretest.Server
	romeo, juliet *coretest.Client
}

// newWorld takes what is said of the probe, and what else is in the config.
func newWorld(t testing.TB, name, more string, global ...string) *world {
	t.Helper()
	s := coretest.New(t, config(t, name, more)+strings.Join(global, "\n"), modules.All...)
	w := &world{Server: s, romeo: s.Login("romeo", "orchard"), juliet: s.Login("juliet", "balcony")}
	w.juliet.Send("<presence/>")
	w.juliet.Next()
	return w
}

// asks sends a message, and returns what it was refused with; "": it came
// through.
func (w *world) asks(t testing.TB) string {
	t.Helper()
	w.romeo.Send("<message type='chat' to='juliet@example.org' id='m'><body>hello</body></message>")
	w.romeo.Send("<iq type='get' to='example.org' id='q'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
	e := w.romeo.Next() // the answer to the message, if there is one, is before that to the request
	if e.Local() == "iq" {
		w.juliet.Next()
		return ""
	}
	w.romeo.Next()
	if said := e.First().Child("urn:example:said", "said"); said.Local() != "" {
		return said.Text()
	}
	return e.First().First().Local()
}

// state is that in tercet module list.
func (w *world) state() string {
	for _, s := range w.Env.Manager.List() {
		if s.Name == "probe" {
			return s.State
		}
	}
	return ""
}

// alive reports whether there is such a process, dead or alive.
func alive(pid string) bool {
	n, err := strconv.Atoi(pid)
	return err == nil && syscall.Kill(n, 0) == nil
}

func signal(t testing.TB, pid string, s syscall.Signal) {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatalf("%q is no process", pid)
	}
	if err := syscall.Kill(n, s); err != nil {
		t.Fatal(err)
	}
	if s == syscall.SIGSTOP { // the threads stop one after the other
		coretest.Eventually(t, "all threads stand", func() bool { return standing(n) })
	}
}

// standing reports whether all threads of a process are stopped (proc(5)).
func standing(pid int) bool {
	stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, file := range stats {
		b, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		if _, rest, _ := strings.Cut(string(b), ") "); !strings.HasPrefix(rest, "T") {
			return false
		}
	}
	return len(stats) > 0
}
