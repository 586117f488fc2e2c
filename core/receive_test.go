// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tercet/core/control"
)

// A file is written where the command is called, by who calls it, and to none
// that is there already.
func TestProfileFile(t *testing.T) {
	p := newPlace(t, base+`VirtualHost "example.org"`).start()
	files := func(pattern string) []string {
		t.Helper()
		list, err := filepath.Glob(filepath.Join(p.dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	check := func(name string) {
		t.Helper()
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(name)
		if err != nil || info.Mode() != 0o600 || !bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
			t.Errorf("%s: %v, %v, %d bytes", name, info.Mode(), err, len(b))
		}
	}
	p.call("", "profile", "cpu", "--seconds", "1").want(t, 0, "written: profile-cpu-", "go tool pprof profile-cpu-")
	if list := files("profile-cpu-*.pprof"); len(list) != 1 {
		t.Errorf("files: %v", list)
	} else {
		check(list[0])
	}
	p.call("", "profile", "heap", "--output", "x.pprof").want(t, 0, "written: x.pprof")
	check(filepath.Join(p.dir, "x.pprof"))
	p.call("", "profile", "heap", "--output=x.pprof").want(t, 1, "!nothing is written", "!file exists")
	p.call("", "profile", "heap", "--output=/nowhere/x").want(t, 1, "!nothing is written", "!no such file")
	if err := os.Symlink("elsewhere", filepath.Join(p.dir, "link")); err != nil {
		t.Fatal(err)
	}
	p.call("", "profile", "heap", "--output=link").want(t, 1, "!nothing is written")
	check(filepath.Join(p.dir, "x.pprof"))
	if o := p.call("", "profile", "goroutine", "--output", "-"); o.code != 0 || !strings.HasPrefix(o.out, "\x1f\x8b") || o.err != "" {
		t.Errorf("to standard output: %d, %d bytes, %s", o.code, len(o.out), o.err)
	}
	p.call("", "profile", "heap", "--output", "y", "--gc=1").want(t, 2, "!--gc takes no value")
	p.call("", "users", "--output", "y").want(t, 2, "!unknown option --output")
	o := p.call("", "profile", "heap", "--output", "z.pprof", "--json")
	if r := decode[map[string]any](t, o); r["file"] != "z.pprof" || r["kind"] != "heap" {
		t.Errorf("result: %v", r)
	}
	check(filepath.Join(p.dir, "z.pprof"))
	if list := append(files("y"), files("elsewhere")...); len(list) != 0 {
		t.Errorf("left: %v", list)
	}
	p.call("", "module", "top", "--seconds", "1").want(t, 0, "MODULE", "of which the whole process took")
}

// A server may belong to a lesser user than its client, who is root: it has no
// say in what is written where, and what breaks off is no file.
func TestHostileServer(t *testing.T) {
	const name = "profile-x.pprof"
	first := control.Reply{File: &control.File{Name: name}}
	part := control.Reply{File: &control.File{Data: []byte("data")}}
	exit := func(n int) control.Reply { return control.Reply{Exit: &n} }
	proposal := func(name string) []control.Reply {
		return []control.Reply{{File: &control.File{Name: name}}, part, exit(0)}
	}
	for _, tt := range []struct {
		name    string
		replies []control.Reply
		code    int
		file    string // what is there afterwards
		want    string
	}{
		{"as it should be", []control.Reply{first, part, part, exit(0)}, 0, "datadata", ""},
		{"empty", []control.Reply{first, exit(0)}, 0, "", ""},
		{"another name later", []control.Reply{first, part, {File: &control.File{Name: "profile-y", Data: []byte("!")}}, exit(0)}, 0, "data!", ""},
		{"a failure", []control.Reply{first, part, {Err: "sorry\n"}, exit(1)}, 1, "none", "sorry"},
		{"no end", []control.Reply{first, part}, 1, "none", "gone away"},
		{"no name", []control.Reply{part, exit(0)}, 1, "none", "without a name"},
		{"a folder", proposal("profile-/x"), 1, "none", "nothing is written"},
		{"above", proposal("../profile-x"), 1, "none", "nothing is written"},
		{"absolute", proposal("/tmp/profile-x"), 1, "none", "nothing is written"},
		{"another word", proposal(".bashrc"), 1, "none", "nothing is written"},
		{"no more than the word", proposal("profile"), 1, "none", "nothing is written"},
		{"hidden", proposal("profile-.."), 1, "none", "nothing is written"},
		{"a control character", proposal("profile-x\n"), 1, "none", "nothing is written"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			l, err := net.Listen("unix", filepath.Join(dir, "s"))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				c, err := l.Accept()
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				if _, err := control.Read(c); err != nil {
					t.Error(err)
				}
				w := control.NewWriter(c)
				for _, r := range tt.replies {
					_ = w.Write(r) // the client may have enough
				}
			}()
			o := run(t, dir, "", "--socket", filepath.Join(dir, "s"), "profile", "heap")
			if o.code != tt.code || !strings.Contains(o.err, tt.want) {
				t.Errorf("got %d, %q", o.code, o.err)
			}
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			got := "none"
			for _, e := range entries {
				if e.Name() == name {
					b, err := os.ReadFile(filepath.Join(dir, name))
					if err != nil {
						t.Fatal(err)
					}
					got = string(b)
				} else if e.Name() != "s" {
					t.Errorf("there is a file %q", e.Name())
				}
			}
			if got != tt.file {
				t.Errorf("the file: %q, want %q", got, tt.file)
			}
		})
	}
}
