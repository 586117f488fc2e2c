// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"encoding/json"
	"errors"
	"net"
	"reflect"
	"strings"
	"testing"

	"tercet/core/control"
)

// serve answers one request on a pipe by what fn writes.
func serve(t *testing.T, fn func(net.Conn, control.Request)) net.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		r, err := control.Read(theirs)
		if err != nil {
			t.Error(err)
		}
		fn(theirs, r)
	}()
	return ours
}

func TestDo(t *testing.T) {
	input := "secret"
	want := control.Request{Version: control.Version, Args: []string{"adduser", "é\n\"x"}, JSON: true, Input: &input}
	replies := []control.Reply{
		{Out: "line\n"},
		{Err: "warning\n"},
		{Progress: &control.Progress{Text: "x", Done: 1, Total: 2}},
		{Result: json.RawMessage(`{"a":[1,2]}`)},
		{Ask: &control.Ask{Prompt: "p", Secret: true, Twice: true}},
	}
	c := serve(t, func(c net.Conn, got control.Request) {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("request: got %+v, want %+v", got, want)
		}
		w := control.NewWriter(c)
		for _, r := range replies {
			if err := w.Write(r); err != nil {
				t.Error(err)
			}
		}
		if err := w.Exit(3); err != nil {
			t.Error(err)
		}
	})
	var got []control.Reply
	code, err := control.Do(c, control.Request{Args: want.Args, JSON: true, Input: &input}, func(r control.Reply) error {
		got = append(got, r)
		return nil
	})
	if code != 3 || err != nil || !reflect.DeepEqual(got, replies) {
		t.Errorf("got %d, %v, %+v", code, err, got)
	}
}

func TestDoErrors(t *testing.T) {
	errStop := errors.New("enough")
	for _, tt := range []struct {
		name  string
		reply string
		want  error
	}{
		{"gone without an exit", `{"out":"x"}` + "\n", control.ErrNoExit},
		{"gone within a line", `{"exit":`, control.ErrNoExit},
		{"no JSON", "hello\n", nil},
		{"the receiver has enough", `{"out":"stop"}` + "\n" + `{"exit":0}` + "\n", errStop},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, func(c net.Conn, _ control.Request) { _, _ = c.Write([]byte(tt.reply)) })
			code, err := control.Do(c, control.Request{}, func(r control.Reply) error {
				if r.Out == "stop" {
					return errStop
				}
				return nil
			})
			_ = c.Close() // a pipe
			if code != control.Failed || err == nil || (tt.want != nil && !errors.Is(err, tt.want)) {
				t.Errorf("got %d, %v, want %v", code, err, tt.want)
			}
		})
	}
	c, other := net.Pipe()
	_ = other.Close() // nobody is there
	if _, err := control.Do(c, control.Request{}, nil); err == nil {
		t.Error("nobody was there, and no error")
	}
	if _, err := control.Do(c, control.Request{Args: []string{strings.Repeat("x", control.MaxRequest)}}, nil); !errors.Is(err, control.ErrTooLong) {
		t.Errorf("a long request: got %v, want ErrTooLong", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"version":1,"args":["a"],"json":true,"input":"x"}` + "\n"))
	f.Add([]byte("{}\n{}\n"))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, b []byte) {
		ours, theirs := net.Pipe()
		go func() {
			_, _ = ours.Write(b) // read in part, maybe
			_ = ours.Close()     // as above
		}()
		r, err := control.Read(theirs)
		_ = theirs.Close() // as above
		if err == nil && r.Version > control.Version {
			t.Errorf("version %d was taken", r.Version)
		}
	})
}
