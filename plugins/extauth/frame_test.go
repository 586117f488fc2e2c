// SPDX-License-Identifier: Apache-2.0

package extauth

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

func TestQuestions(t *testing.T) {
	long := strings.Repeat("x", maxLine-len("auth:romeo:example.org:"))
	with := func(op, password string) question {
		return question{op: op, user: "romeo", host: "example.org", password: password, shown: true}
	}
	for _, c := range []struct {
		name            string
		q               question
		length, generic string // "" is refused
	}{
		{"auth", with(opAuth, "wherefore"), "\x00\x20auth:romeo:example.org:wherefore", "auth:romeo:example.org:wherefore\n"},
		{"isuser", question{op: opExists, user: "romeo", host: "example.org"}, "\x00\x18isuser:romeo:example.org", "isuser:romeo:example.org\n"},
		{"setpass", with(opSetPassword, "x"), "\x00\x1bsetpass:romeo:example.org:x", "setpass:romeo:example.org:x\n"},
		{"tryregister", with(opRegister, "x"), "\x00\x1ftryregister:romeo:example.org:x", "tryregister:romeo:example.org:x\n"},
		{"removeuser", question{op: opRemove, user: "romeo", host: "example.org"}, "\x00\x1cremoveuser:romeo:example.org", "removeuser:romeo:example.org\n"},
		{"removeuser3", with(opRemoveSecure, "x"), "\x00\x1fremoveuser3:romeo:example.org:x", "removeuser3:romeo:example.org:x\n"},
		{"colons in the password", with(opAuth, "a:b::"), "\x00\x1cauth:romeo:example.org:a:b::", "auth:romeo:example.org:a:b::\n"},
		{"UTF-8", with(opAuth, "pässwörd"), "\x00\x21auth:romeo:example.org:pässwörd", "auth:romeo:example.org:pässwörd\n"},
		{"no password", with(opAuth, ""), "\x00\x17auth:romeo:example.org:", "auth:romeo:example.org:\n"},
		{"newline in the password", with(opAuth, "a\nb"), "\x00\x1aauth:romeo:example.org:a\nb", ""},
		{"carriage return", with(opAuth, "a\rb"), "\x00\x1aauth:romeo:example.org:a\rb", ""},
		{"NUL", with(opAuth, "a\x00b"), "\x00\x1aauth:romeo:example.org:a\x00b", ""},
		{"longest", with(opAuth, long), "\xff\xffauth:romeo:example.org:" + long, "auth:romeo:example.org:" + long + "\n"},
		{"too long", with(opAuth, long+"x"), "", ""},
		{"colon in the user", question{op: opExists, user: "a:b", host: "example.org"}, "", ""},
		{"colon in the host", question{op: opExists, user: "romeo", host: "[::1]"}, "", ""},
		{"newline in the user", question{op: opExists, user: "a\nb", host: "example.org"}, "", ""},
		{"no user", question{op: opExists, host: "example.org"}, "", ""},
		{"no host", question{op: opExists, user: "romeo"}, "", ""},
	} {
		for name, want := range map[string]string{"ejabberd": c.length, "generic": c.generic} {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				line, err := c.q.line()
				if err == nil {
					line, err = protocols[name].frame(line)
				}
				if want == "" {
					if !errors.Is(err, errUnfit) {
						t.Errorf("got %q, %v; want it refused", line, err)
					}
				} else if string(line) != want || err != nil {
					t.Errorf("got %.80q, %v; want %.80q", line, err, want)
				}
				if err != nil && c.q.password != "" && strings.Contains(err.Error(), c.q.password) {
					t.Errorf("the error shows the password: %.80v", err)
				}
			})
		}
	}
}

func TestAnswers(t *testing.T) {
	const yes, no, more, bad = "yes", "no", "more", "bad"
	for _, c := range []struct{ protocol, name, in, want string }{
		{"ejabberd", "yes", "\x00\x02\x00\x01", yes},
		{"ejabberd", "no", "\x00\x02\x00\x00", no},
		{"ejabberd", "nothing", "", more},
		{"ejabberd", "one byte", "\x00", more},
		{"ejabberd", "the length", "\x00\x02", more},
		{"ejabberd", "three bytes", "\x00\x02\x00", more},
		{"ejabberd", "another value", "\x00\x02\x00\x02", bad},
		{"ejabberd", "another order of bytes", "\x00\x02\x01\x00", bad},
		{"ejabberd", "length in another order", "\x02\x00", bad},
		{"ejabberd", "length 1", "\x00\x01\x01", bad},
		{"ejabberd", "length 0", "\x00\x00", bad},
		{"ejabberd", "length 5", "\x00\x05\x00\x01", bad},
		{"ejabberd", "one byte too many", "\x00\x02\x00\x01\x00", bad},
		{"ejabberd", "two answers", "\x00\x02\x00\x01\x00\x02\x00\x01", bad},
		{"ejabberd", "text", "Traceback", bad},
		{"ejabberd", "a line", "1\n", bad},
		{"generic", "yes", "1\n", yes},
		{"generic", "no", "0\n", no},
		{"generic", "yes of Windows", "1\r\n", yes},
		{"generic", "nothing", "", more},
		{"generic", "no newline", "1", more},
		{"generic", "half of a newline", "1\r", more},
		{"generic", "empty line", "\n", bad},
		{"generic", "another value", "2\n", bad},
		{"generic", "a word", "yes\n", bad},
		{"generic", "text without end", "Traceback", bad},
		{"generic", "two answers", "1\n1\n", bad},
		{"generic", "more behind it", "1\n0", bad},
		{"generic", "spaces", " 1\n", bad},
		{"generic", "ejabberd's", "\x00\x02\x00\x01", bad},
	} {
		t.Run(c.protocol+"/"+c.name, func(t *testing.T) {
			right, whole, err := protocols[c.protocol].answer([]byte(c.in))
			got := more
			switch {
			case err != nil:
				got = bad
			case whole && right:
				got = yes
			case whole:
				got = no
			}
			if got != c.want || right && got != yes {
				t.Errorf("got %s (%v), want %s", got, err, c.want)
			}
		})
	}
}

// What says yes is one of few texts, and no part of it said so before.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{"\x00\x02\x00\x01", "\x00\x02\x00\x00", "1\n", "0\r\n", "\x00\x05abcde", "Traceback (most"} {
		f.Add([]byte(s))
	}
	accepted := map[string][]string{"ejabberd": {"\x00\x02\x00\x01", "\x00\x02\x00\x00"}, "generic": {"1\n", "1\r\n", "0\n", "0\r\n"}}
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, p := range protocols {
			for i := range len(b) + 1 {
				yes, whole, err := p.answer(b[:i])
				known := false
				for n, text := range accepted[name] {
					if string(b[:i]) == text {
						known = true
						if want := n < len(accepted[name])/2; yes != want || !whole || err != nil {
							t.Errorf("%s: %q is %v, %v, %v", name, text, yes, whole, err)
						}
					}
				}
				if !known && (yes || whole) {
					t.Errorf("%s: %q is taken for an answer", name, b[:i])
				}
				if err == nil && !whole && i > 64 {
					t.Errorf("%s: %d bytes are still waited with", name, i)
				}
				if whole || err != nil {
					break
				}
			}
		}
	})
}

// A script gets out of a question what was put into it, whatever that is.
func FuzzQuestion(f *testing.F) {
	f.Add("romeo", "example.org", "secret")
	f.Add("a:b", "h", "p")
	f.Add("romeo", "example.org", "a:b\n\x00")
	f.Fuzz(func(t *testing.T, user, host, password string) {
		q := question{op: opAuth, user: user, host: host, password: password, shown: true}
		line, err := q.line()
		if err != nil {
			return
		}
		for name, p := range protocols {
			frame, err := p.frame(bytes.Clone(line))
			if err != nil {
				continue
			}
			got := strings.TrimSuffix(string(frame), "\n")
			if name == "ejabberd" {
				if int(binary.BigEndian.Uint16(frame)) != len(frame)-2 {
					t.Fatalf("%d bytes follow a length of %d", len(frame)-2, binary.BigEndian.Uint16(frame))
				}
				got = string(frame[2:])
			} else if strings.Count(string(frame), "\n") != 1 {
				t.Fatalf("more than a line: %q", frame)
			}
			part := strings.SplitN(got, ":", 4)
			if len(part) != 4 || part[0] != opAuth || part[1] != user || part[2] != host || part[3] != password {
				t.Errorf("%s: %q of %q, %q, %q", name, got, user, host, password)
			}
		}
	})
}
