// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Each command of the server, called right and wrong, for people.
func TestCommands(t *testing.T) {
	p := newPlace(t, base+`modules_enabled = { "ping", "register" } VirtualHost "example.org" VirtualHost "example.net"`).start()
	for _, step := range []struct {
		args  string
		stdin string
		code  int
		want  []string
	}{
		{"status", "", 0, []string{"Tercet ", "example.org", "virtual host", p.file}},
		{"status now", "", 2, []string{`!what is "now"?`, "!usage: tercet status"}},
		{"adduser romeo@example.org --password-stdin", "secret\n", 0, []string{"account romeo@example.org is made"}},
		{"adduser romeo@example.org --password-stdin", "secret\n", 1, []string{"!there is an account romeo@example.org already"}},
		{"adduser Juliet@EXAMPLE.net --password-stdin", "secret", 0, []string{"account juliet@example.net is made"}},
		{"adduser nurse@example.org --password-stdin", "\n", 1, []string{"!the password is empty"}},
		{"adduser nurse@example.org --password-stdin", "", 1, []string{"!nothing to read"}},
		{"adduser nurse@example.org --password-stdin", "\x07", 1, []string{"!this password cannot be used"}},
		{"adduser nurse@example.org", "", 1, []string{"!--password-stdin"}},
		{"adduser nurse@exampl.org --password-stdin", "x", 1, []string{`!there is no host "exampl.org"; did you mean example.org?`}},
		{"adduser nurse --password-stdin", "x", 2, []string{"!write it as romeo@example.org"}},
		{"adduser nurse@example.org/x --password-stdin", "x", 2, []string{"!no account"}},
		{"adduser @example.org --password-stdin", "x", 2, []string{"!no JID"}},
		{"adduser", "", 2, []string{"!JID is missing", "!usage: tercet adduser JID"}},
		{"passwd romeo@example.org --password-stdin", "other", 0, []string{"password of romeo@example.org is changed"}},
		{"passwd nobody@example.org --password-stdin", "other", 1, []string{"!there is no account nobody@example.org"}},
		{"users", "", 0, []string{"juliet@example.net\nromeo@example.org\n"}},
		{"users example.org", "", 0, []string{"romeo@example.org"}},
		{"users nowhere", "", 1, []string{`!there is no host "nowhere"`}},
		{"deluser juliet@example.net", "", 0, []string{"account juliet@example.net is removed"}},
		{"deluser juliet@example.net", "", 1, []string{"!there is no account"}},
		{"sessions", "", 0, []string{"0 connected"}},
		{"sessions romeo@nowhere", "", 1, []string{"!there is no host"}},
		{"kick romeo@example.org", "", 1, []string{"!romeo@example.org is not connected"}},
		{"kick example.org", "", 2, []string{"!neither an account nor a full JID"}},
		{"kick --reason", "", 2, []string{"!--reason needs TEXT"}},
		{"kick --why x romeo@example.org", "", 2, []string{"!unknown option --why"}},
		{"module list", "", 0, []string{"MODULE", "(server)", "ping"}},
		{"module list example.net", "", 0, []string{"ping"}},
		{"module load time", "", 0, []string{"loaded: time on example.net\nloaded: time on example.org\n"}},
		{"module load time", "", 1, []string{"!loaded on all hosts already"}},
		{"module reload ping example.org", "", 0, []string{"reloaded: ping on example.org"}},
		{"module reload shell", "", 0, []string{"reloaded: shell"}},
		{"module unload time example.org", "", 0, []string{"unloaded: time on example.org"}},
		{"module unload time example.org", "", 1, []string{"!time is not loaded on example.org"}},
		{"module load pnig", "", 1, []string{`!there is no module "pnig"; did you mean ping?`}},
		{"module load c2s example.org", "", 1, []string{"!belongs on the server"}},
		{"module", "", 2, []string{"!module what?"}},
		{"module lod", "", 2, []string{`!unknown command "module lod"; did you mean "module load"?`}},
		{"storage", "", 0, []string{"accounts", "sqlite", p.dir}},
		{"listeners", "", 0, []string{"c2s", "127.0.0.1:", "unix", "private"}},
		{"cert", "", 0, []string{"example.net", "fingerprint", "TLSA", "itself"}},
		{"cert nowhere", "", 1, []string{"!there is no host"}},
		{"log 1000", "", 0, []string{"started"}},
		{"log many", "", 2, []string{`!"many" is no number`}},
		{"log --level loud", "", 2, []string{"!--level is debug"}},
		{"reload", "", 0, []string{"modules unloaded  time on example.net", "sessions ended    0"}},
		{"reload", "", 0, []string{"nothing else than before"}},
		{"help", "", 0, []string{"adduser JID", "completion bash|zsh|fish", "run"}},
		{"help kick", "", 0, []string{"usage: tercet kick [--reason TEXT] JID", "What the client is told."}},
		{"help module", "", 0, []string{"module load MODULE [HOST]"}},
		{"help check", "", 0, []string{"usage: tercet check"}},
		{"help module", "", 0, []string{"module new NAME", "Of the running server:\n  module list"}},
		{"help module new", "", 0, []string{"usage: tercet module new NAME"}},
		{"module new --help", "", 0, []string{"usage: tercet module new NAME"}},
		{"module new ping --lang c", "", 2, []string{`!"ping" is a module of this server already`}},
		{"help nothing", "", 2, []string{"!unknown command"}},
		{"kick --help", "", 0, []string{"usage: tercet kick"}},
		{"check --help", "", 0, []string{"usage: tercet check"}},
		{"stauts", "", 2, []string{`!unknown command "stauts"; did you mean "status"?`}},
		{"version", "", 0, []string{"tercet "}},
		{"check", "", 0, []string{"0 errors, 0 warnings"}},
		{"", "", 2, []string{"!usage: tercet"}},
	} {
		t.Run(step.args, func(t *testing.T) {
			p.call(step.stdin, strings.Fields(step.args)...).want(t, step.code, step.want...)
		})
	}
}

// The same for programs: one line of JSON, and errors in it, too.
func TestJSON(t *testing.T) {
	p := newPlace(t, base+`modules_enabled = { "ping" } VirtualHost "example.org"`).start()
	type object = map[string]any
	if got := decode[object](t, p.call("secret", "adduser", "romeo@example.org", "--password-stdin", "--json")); got["jid"] != "romeo@example.org" {
		t.Error("adduser:", got)
	}
	if got := decode[[]string](t, p.call("", "--json", "users")); !slices.Equal(got, []string{"romeo@example.org"}) {
		t.Error("users:", got)
	}
	status := decode[object](t, p.call("", "status", "--json"))
	if status["config"] != p.file || status["data_path"] != filepath.Join(p.dir, "data") || status["pid"] != float64(p.cmd.Process.Pid) {
		t.Error("status:", status)
	}
	for _, args := range []string{"sessions", "module list", "storage", "listeners", "cert", "help", "users example.org"} {
		decode[[]any](t, p.call("", append(strings.Fields(args), "--json")...))
	}
	plan := decode[object](t, p.call("", "reload", "--json"))
	for _, key := range []string{"hosts_added", "hosts_removed", "loaded", "reloaded", "unloaded", "listeners_opened", "listeners_closed", "problems"} {
		if list, ok := plan[key].([]any); !ok || len(list) != 0 {
			t.Errorf("reload: %s is %v, want an empty list", key, plan[key])
		}
	}
	for l := range strings.SplitSeq(strings.TrimSpace(p.call("", "log", "3", "--json").out), "\n") {
		if !strings.HasPrefix(l, `{"time":`) {
			t.Error("log:", l)
		}
	}
	decode[object](t, p.call("", "version", "--json"))
	decode[object](t, p.call("", "check", "--json"))
	p.call("", "kick", "romeo@example.org", "--json").want(t, 1, `{"error":"romeo@example.org is not connected"}`)
	p.call("", "nonsense", "--json").want(t, 2, `{"error":"unknown command`)
	decode[object](t, p.call("", "stop", "--json"))
	p.call("", "status", "--json").want(t, 1, `{"error":"no server is running`)
}

// Without a server the program says which socket it has tried, and what to do.
func TestNoServer(t *testing.T) {
	p := newPlace(t, base+`VirtualHost "example.org"`)
	socket := filepath.Join(p.dir, "data", "tercet.sock")
	p.call("", "status").want(t, 1, "!no server is running: nothing listens on "+socket, "!tercet run")
	p.call("", "module", "list").want(t, 1, "!no server is running")
	p.call("", "stats").want(t, 2, `!did you mean "status"?`)
	p.call("", "module", "lst").want(t, 2, `!did you mean "module list"?`)
	p.call("", "shell").want(t, 1, "!no server is running")
	p.call("", "help").want(t, 0, "adduser", "no server is running")
	p.call("", "__complete", "mod").want(t, 0, "module\n")
	p.call("", "__complete", "module", "l").want(t, 0, "list\nload\n")
	p.call("", "__complete", "completion", "").want(t, 0, "bash\nzsh\nfish\n")
	run(t, p.dir, "", "--socket", "/nowhere", "status").want(t, 1, "!nothing listens on /nowhere")
	run(t, p.dir, "", "--config", "missing.lua", "status").want(t, 1, "!missing.lua", "!--socket")
	run(t, p.dir, "", "--config").want(t, 2, "!--config needs a file")
	run(t, t.TempDir(), "", "check").want(t, 1, "!no config file", "!TERCET_CONFIG")
	if _, err := os.Stat(filepath.Join(p.dir, "data")); err == nil {
		t.Error("a data directory was made")
	}
}

// What help tells without a server is what a server would tell.
func TestStaticCommands(t *testing.T) {
	type command struct{ Command string }
	p := newPlace(t, base+`VirtualHost "example.org"`)
	names := func() (list []string) {
		for _, c := range decode[[]command](t, p.call("", "help", "--json")) {
			list = append(list, c.Command)
		}
		return list
	}
	without := names()
	p.start()
	if with := names(); !slices.Equal(with, without) {
		t.Errorf("with a server:    %v\nwithout a server: %v", with, without)
	}
}

func TestCompletion(t *testing.T) {
	p := newPlace(t, base+`modules_enabled = { "ping" } VirtualHost "example.org"`).start()
	for _, tt := range []struct {
		words string // the last one is being typed; _ is an empty one
		want  string
	}{
		{"st", "status\nstop\nstorage\n"},
		{"module _", "new\ntest\ncheck\nlist\nload\nreload\ntop\nunload\n"},
		{"profile g", "goroutine\n"},
		{"module load pin", "ping\n"},
		{"module load ping _", "example.org\n"},
		{"adduser romeo@", "romeo@example.org\n"},
		{"kick --", "--reason\n--json\n--help\n"},
		{"sessions _", "example.org\n"},
		{"help adds", ""},
		{"help add", "adduser\n"},
		{"help module c", "check\n"},
		{"module new x --lang r", "rust\n"},
		{"module new x --", "--lang\n--dir\n"},
		{"status _", ""},
		{"nothing _", ""},
	} {
		words := strings.Fields(tt.words)
		for i, w := range words {
			words[i] = strings.ReplaceAll(w, "_", "")
		}
		if o := p.call("", append([]string{"__complete"}, words...)...); o.out != tt.want || o.code != 0 {
			t.Errorf("%s: got %q (%d), want %q\n%s", tt.words, o.out, o.code, tt.want, o.err)
		}
	}
	p.call("", "completion").want(t, 2, "!bash|zsh|fish")
	p.call("", "completion", "tcsh").want(t, 2, "!bash|zsh|fish")
	p.call("", "completion", "fish").want(t, 0, "complete -c tercet")
	p.call("", "completion", "zsh").want(t, 0, "compdef")
}

// Most commands are there for scripts and monitoring: they must be quick.
func TestLatency(t *testing.T) {
	p := newPlace(t, base+`VirtualHost "example.org"`).start()
	best := time.Hour
	for range 10 {
		start := time.Now()
		p.call("", "status").want(t, 0)
		best = min(best, time.Since(start))
	}
	if best > 100*time.Millisecond {
		t.Errorf("status takes %v, want less than 100 ms", best)
	}
	t.Logf("status takes %v", best)
}

// The prompt takes the same commands; its exit code is that of the last one.
func TestPrompt(t *testing.T) {
	p := newPlace(t, base+`VirtualHost "example.org"`).start()
	p.call("users --json\n\n  help 'kick'  \nstatus\nexit\nstop\n", "shell").want(t, 0, "[]\n", "usage: tercet kick", "Tercet ")
	p.call("status", "shell").want(t, 0, "Tercet ")
	p.call("status\nbogus\n", "shell").want(t, 2, "Tercet ", "!unknown command")
	p.call("kick 'a\n", "shell").want(t, 2, "!a quote is not closed")
	p.call("run\n", "shell").want(t, 2, "!not for this prompt")
	p.call("", "shell").want(t, 0)
}
