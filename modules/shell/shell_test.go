// SPDX-License-Identifier: Apache-2.0

package shell_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"tercet/core/control"
	"tercet/core/coretest"
	"tercet/core/module"
	"tercet/modules"
	"tercet/modules/shell"
)

// extra is a module with commands of its own: one of the server, one of each
// host that enables it.
func extra(started, ended chan<- bool) module.Definition {
	return module.Define("extra", module.OnServer, struct{}{}, func(s *module.Scope, _ struct{}) error {
		shell.Command.Set(s, "echo loud", shell.Spec{
			Args: "WORD [WORD...]", Doc: "Echo.", Flags: []shell.Flag{{Name: "times", Value: "N"}, {Name: "bang"}},
			Run: func(_ context.Context, c *shell.Call) error {
				n, given := c.Flag("times")
				_, bang := c.Flag("bang")
				c.Progress("echoing", 1, 2)
				c.Printf("%s|%s|%v|%v\n", strings.Join(c.Args, ","), n, given, bang)
				c.Table([]string{"A", "B"}, [][]string{{"größer", "1"}, {"x", "22"}})
				c.Warnf("beware")
				return c.Result(c.Args)
			},
		})
		shell.Command.Set(s, "hang", shell.Spec{Run: func(ctx context.Context, _ *shell.Call) error {
			started <- true
			<-ctx.Done()
			ended <- true
			return ctx.Err()
		}})
		shell.Command.Set(s, "burst", shell.Spec{Run: func(context.Context, *shell.Call) error { panic("on purpose") }})
		s.EachHost(func(s *module.Scope) error {
			shell.Command.Set(s, "greet", shell.Spec{Args: "NAME", Run: func(_ context.Context, c *shell.Call) error {
				c.Printf("%s greets %s\n", c.Host.Name, c.Arg(0))
				return c.Result(c.Host.Name)
			}})
			return nil
		})
		return nil
	})
}

type tool struct {
	*coretest.Server
	t *testing.T
}

func newTool(t *testing.T, lua string, more ...module.Definition) tool {
	return tool{coretest.New(t, lua, append(more, modules.All...)...), t}
}

// call runs a command; what came back is one text: out, then "E:" errors, "P:"
// progress, "R:" results, "A:" what is asked for.
func (x tool) call(r control.Request) (string, int) {
	x.t.Helper()
	text := ""
	code, err := control.Do(x.DialControl(), r, func(r control.Reply) error {
		text += r.Out
		if r.Err != "" {
			text += "E:" + r.Err
		}
		if r.Progress != nil {
			text += fmt.Sprintf("P:%s %d/%d\n", r.Progress.Text, r.Progress.Done, r.Progress.Total)
		}
		if r.Result != nil {
			text += "R:" + string(r.Result) + "\n"
		}
		if r.Ask != nil {
			text += fmt.Sprintf("A:%s %v %v\n", r.Ask.Prompt, r.Ask.Secret, r.Ask.Twice)
		}
		return nil
	})
	if err != nil {
		x.t.Fatalf("%v: %v", r.Args, err)
	}
	return text, code
}

func TestContract(t *testing.T) {
	x := newTool(t, `modules_enabled = { "extra" } VirtualHost "example.org" VirtualHost "example.net" modules_disabled = { "extra" }`, extra(nil, nil))
	for _, tt := range []struct {
		args string
		json bool
		want string
		code int
	}{
		{"echo loud a", false, "P:echoing 1/2\na||false|false\nA       B\ngrößer  1\nx       22\nE:beware\n", 0},
		{"echo loud --times 3 a --bang b", false, "a,b|3|true|true\n", 0},
		{"echo loud --times=3 -- --bang", false, "--bang|3|true|false\n", 0},
		{"echo loud a b", true, `R:["a","b"]`, 0},
		{"echo loud a --json", false, `R:["a"]`, 0},
		{"echo loud", false, "E:WORD is missing\nusage: tercet echo loud [--times N] [--bang] WORD [WORD...]\n", 2},
		{"echo loud --bang=yes a", false, "--bang takes no value", 2},
		{"echo loud --times", false, "--times needs N", 2},
		{"echo loud --tims 1 a", true, `R:{"error":"unknown option --tims`, 2},
		{"echo", false, "echo what? There are: echo loud", 2},
		{"echo lout", false, `did you mean "echo loud"?`, 2},
		{"greet example.org romeo", false, "example.org greets romeo", 0},
		{"greet example.com romeo", false, `there is no host "example.com"`, 1},
		{"greet romeo", false, "NAME is missing", 2},
		{"help greet", false, "usage: tercet greet HOST NAME", 0},
		{"adduser romeo@example.org", false, "A:Password for romeo@example.org true true", 1},
		{"__complete greet ex", true, `R:["example.net","example.org"]`, 0},
		{"", false, "E:no command", 2},
	} {
		t.Run(tt.args, func(t *testing.T) {
			got, code := x.call(control.Request{Args: strings.Fields(tt.args), JSON: tt.json})
			if code != tt.code || !strings.Contains(got, tt.want) {
				t.Errorf("got %d, %q, want %d, %q", code, got, tt.code, tt.want)
			}
		})
	}
}

// A command that a module brought goes with it; a reload of the socket's own
// module, by a command on it, is answered.
func TestReload(t *testing.T) {
	x := newTool(t, `modules_enabled = { "extra" }`, extra(nil, nil))
	for range 20 {
		if got, code := x.call(control.Request{Args: []string{"module", "reload", "shell"}}); code != 0 {
			t.Fatal(code, got)
		}
	}
	x.Reconfigure(`modules_enabled = { }`)
	if got, code := x.call(control.Request{Args: []string{"greet", coretest.Domain, "x"}}); code != 2 {
		t.Error(code, got)
	}
	if got, code := x.call(control.Request{Args: []string{"reload"}}); code != 0 || !strings.Contains(got, "nothing else") {
		t.Error(code, got)
	}
	x.Reconfigure(`admin_socket = "other.sock"`)
	coretest.Eventually(t, "the old socket is closed", func() bool {
		c, err := net.Dial("unix", filepath.Join(x.Env.DataDir, "control.sock"))
		if err == nil {
			_ = c.Close() // it is on its way out
		}
		return err != nil
	})
	c, err := net.Dial("unix", filepath.Join(x.Env.DataDir, "other.sock"))
	if err != nil {
		t.Fatal(err)
	}
	if code, err := control.Do(c, control.Request{Args: []string{"status"}}, func(control.Reply) error { return nil }); code != 0 || err != nil {
		t.Error(code, err)
	}
}

// Disabling the module by any of its names leaves no socket.
func TestDisabled(t *testing.T) {
	x := newTool(t, `modules_disabled = { "admin_shell" }`)
	if c, err := net.Dial("unix", filepath.Join(x.Env.DataDir, "control.sock")); err == nil {
		_ = c.Close() // what matters is that it is there
		t.Error("there is a socket")
	}
}

// The context of a command ends with its client, and with its module.
func TestCancel(t *testing.T) {
	started, ended := make(chan bool), make(chan bool, 1)
	x := newTool(t, `modules_enabled = { "extra" }`, extra(started, ended))
	hang := func() net.Conn {
		c := x.DialControl()
		if _, err := io.WriteString(c, `{"args":["hang"]}`+"\n"); err != nil {
			t.Fatal(err)
		}
		<-started
		return c
	}
	_ = hang().Close()
	<-ended
	c := hang()
	if got, code := x.call(control.Request{Args: []string{"module", "reload", "shell"}}); code != 0 {
		t.Fatal(code, got)
	}
	<-ended
	var reply control.Reply
	dec := json.NewDecoder(c)
	for reply.Exit == nil {
		if err := dec.Decode(&reply); err != nil {
			t.Fatal(err)
		}
	}
	if *reply.Exit != control.Failed {
		t.Errorf("exit code %d, want %d", *reply.Exit, control.Failed)
	}
}

// Whatever comes in over the socket is answered or cut off, and the next
// client is served.
func TestHostile(t *testing.T) {
	x := newTool(t, `modules_enabled = { "extra" }`, extra(nil, nil))
	for _, tt := range []struct{ name, send, want string }{
		{"no JSON", "hello\n", "invalid character"},
		{"another type", `{"args":"status"}` + "\n", "cannot unmarshal"},
		{"a later version", `{"version":99,"args":["status"]}` + "\n", "version 99"},
		{"no command", "{}\n", "no command"},
		{"null", "null\n", "no command"},
		{"a line without end", strings.Repeat("x", control.MaxRequest+5000), "too long"},
		{"deep nesting", `{"args":` + strings.Repeat("[", 20000) + "\n", "E:"},
		{"a panic", `{"args":["burst"]}` + "\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := x.DialControl()
			_, _ = io.WriteString(c, tt.send) // the server may close before it has all
			b, _ := io.ReadAll(c)             // a reset after what is read is no fault
			if tt.want == "E:" {
				tt.want = "err"
			}
			if !strings.Contains(string(b), tt.want) {
				t.Errorf("answer %q, want %q", b, tt.want)
			}
			if got, code := x.call(control.Request{Args: []string{"users"}}); code != 0 {
				t.Errorf("the next client: %d, %s", code, got)
			}
		})
	}
	for range 50 {
		x.DialControl() // silent
	}
	if got, code := x.call(control.Request{Args: []string{"users"}}); code != 0 {
		t.Errorf("beside silent ones: %d, %s", code, got)
	}
}

// Many clients at a time, with a module that is loaded anew all the while.
func TestHammer(t *testing.T) {
	x := newTool(t, `modules_enabled = { "extra", "ping" }`, extra(nil, nil))
	done := make(chan error)
	const clients, calls = 8, 25
	for i := range clients {
		go func() {
			for n := range calls {
				words := []string{"users"}
				switch (i + n) % 4 {
				case 0:
					words = []string{"module", "reload", "ping"}
				case 1:
					words = []string{"echo", "loud", "x"}
				}
				c, err := net.Dial("unix", filepath.Join(x.Env.DataDir, "control.sock"))
				if err != nil {
					done <- err
					return
				}
				code, err := control.Do(c, control.Request{Args: words}, func(control.Reply) error { return nil })
				_ = c.Close() // all is read
				if err != nil || code != 0 {
					done <- fmt.Errorf("%v: %d, %w", words, code, err)
					return
				}
			}
			done <- nil
		}()
	}
	for range clients {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// module list has the state of each instance: an old one that is held is still
// closing beside the new one.
func TestModuleState(t *testing.T) {
	held := make(chan func(), 1)
	holder := module.Define("holder", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		s.Go(func(context.Context) {
			select {
			case held <- s.Hold():
			default:
			}
		})
		return nil
	})
	x := newTool(t, `modules_enabled = { "holder" }`, holder)
	states := func() (list []string) {
		text, code := x.call(control.Request{Args: []string{"module", "list", coretest.Domain}, JSON: true})
		var all []module.Status
		if err := json.Unmarshal([]byte(strings.TrimPrefix(text, "R:")), &all); err != nil || code != 0 {
			t.Fatal(err, code, text)
		}
		for _, s := range all {
			if s.Name == "holder" {
				list = append(list, s.State)
			}
		}
		return list
	}
	release := <-held
	if got := fmt.Sprint(states()); got != "[loaded]" {
		t.Errorf("at first: %s", got)
	}
	if got, code := x.call(control.Request{Args: []string{"module", "reload", "holder"}}); code != 0 {
		t.Fatal(got)
	}
	if got := fmt.Sprint(states()); got != "[closing loaded]" {
		t.Errorf("after the reload: %s", got)
	}
	if got, _ := x.call(control.Request{Args: []string{"module", "list"}}); strings.Count(got, "holder  ") != 2 || !strings.Contains(got, "closing") {
		t.Errorf("for people: %s", got)
	}
	release()
	coretest.Eventually(t, "the old one is closed", func() bool { return fmt.Sprint(states()) == "[loaded]" })
	(<-held)()
	if got, code := x.call(control.Request{Args: []string{"module", "unload", "holder"}}); code != 0 {
		t.Fatal(got)
	}
	coretest.Eventually(t, "it is gone", func() bool { return len(states()) == 0 })
}
