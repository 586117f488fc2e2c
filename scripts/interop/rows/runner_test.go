// SPDX-License-Identifier: Apache-2.0

package rows_test

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tercet/core/element"
	"tercet/core/golden"
)

const sample = `Row 7, one two [ref]: a sentence
-- config.lua --
common = "{dir}"
-- with: config.lua --
module = 1
-- without: config.lua --
module = 0
-- file a/b.txt --
one
two
-- with: errors --
bad luck
-- alice sends --
<a/>
-- with: alice gets --
<b/>
-- without: alice gets --
<c/>
-- log --
line
`

// What is for one way is in no other, and lines have the numbers of the file.
func TestPlay(t *testing.T) {
	r, err := parseRow("07-x", sample)
	if err != nil || r.number != 7 || !slices.Equal(r.modules, []string{"one", "two"}) {
		t.Fatalf("got %+v, %v", r, err)
	}
	for _, tt := range []struct {
		with          bool
		config, line  string
		has, has2     string
		number, lines int
		errors        []string
	}{
		{true, "common = \"/x\"\nmodule = 1\n", "-- alice gets --", "<b/>", "<c/>", 15, 21, []string{"bad luck"}},
		{false, "common = \"/x\"\nmodule = 0\n", "-- alice gets --", "<c/>", "<b/>", 17, 21, nil},
	} {
		p := r.play(tt.with, strings.NewReplacer("{dir}", "/x"))
		if p.config != tt.config || !slices.Equal(p.errors, tt.errors) || !maps.Equal(p.files, map[string]string{"a/b.txt": "one\ntwo\n"}) {
			t.Errorf("with=%t: config %q, errors %q, files %q", tt.with, p.config, p.errors, p.files)
		}
		lines := strings.Split(p.steps, "\n")
		if n := slices.Index(lines, tt.line) + 1; n != tt.number || len(lines) != tt.lines {
			t.Errorf("with=%t: %s is line %d of %d, want %d of %d", tt.with, tt.line, n, len(lines), tt.number, tt.lines)
		}
		if !strings.Contains(p.steps, tt.has) || strings.Contains(p.steps, tt.has2) {
			t.Errorf("with=%t: want %s and no %s in\n%s", tt.with, tt.has, tt.has2, p.steps)
		}
		if got := golden.Parse("x", p.steps).Steps(); got != 3 {
			t.Errorf("with=%t: %d steps, want 3", tt.with, got)
		}
	}
	p := play{steps: "-- alice sends --\n<a/>\n-- bob@x/r gets nothing --\n-- alice/r2 breaks --\n-- !new connects --\n-- stranger gets --\n-- carol/r gets in any order --\n-- GET /x --\n-- account dave --\n"}
	if got, want := p.accounts(), []string{"alice", "bob@x", "carol", "dave"}; !slices.Equal(got, want) {
		t.Errorf("accounts %q, want %q", got, want)
	}
	if _, err := parseRow("x", "XEP-0199 4.2: no row\n"); err == nil {
		t.Error("a title that is none is taken")
	}
}

// A row whose XML is not well-formed would be told only when it is played.
func TestRowsAreWellFormed(t *testing.T) {
	for _, r := range rows(t) {
		for _, with := range []bool{true, false} {
			p := r.play(with, strings.NewReplacer())
			for section := range strings.SplitSeq(p.steps, "\n-- ") {
				head, body, _ := strings.Cut(section, "\n")
				if !strings.Contains(head, " gets") && !strings.Contains(head, " awaits") {
					continue
				}
				if err := wellFormed(body); err != nil {
					t.Errorf("%s: %s: %v", r.name, head, err)
				}
			}
		}
	}
}

func wellFormed(body string) error {
	rd := element.NewReader(element.Limits{Bytes: 1 << 20, Depth: 256, Attrs: 256, Children: 1 << 16})
	text := "<stream:stream xmlns='jabber:client' xmlns:stream='" + element.NSStream + "' version='1.0'>" + body + "<end/>"
	for len(text) > 0 {
		n := copy(rd.Space(len(text)), text)
		rd.Filled(n)
		text = text[n:]
	}
	for {
		tok, err := rd.Next()
		if err != nil {
			return err
		}
		if tok.Kind == element.TopLevel && tok.Element.Local() == "end" {
			return nil
		}
	}
}

func TestFind(t *testing.T) {
	for _, tt := range []struct {
		name, want, in string
		vars           map[string]string
		ok             bool
		x              string
	}{
		{"plain", "b", "abc", nil, true, ""},
		{"absent", "d", "abc", nil, false, ""},
		{"no pattern", "a.c", "abc", nil, false, ""},
		{"remembers", "a={x};", "b=1 a=23; c", nil, true, "23"},
		{"within a line", "a{x};", "a\n;", nil, false, ""},
		{"what is known", "a={x}", "a=24", map[string]string{"x": "2"}, true, "2"},
		{"what is known otherwise", "a={x}", "a=34", map[string]string{"x": "2"}, false, "2"},
		{"anything", "{any}-{any}", "1-2", nil, true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			vars := maps.Clone(tt.vars)
			if vars == nil {
				vars = map[string]string{}
			}
			if got := find(tt.want, tt.in, vars); got != tt.ok || vars["x"] != tt.x {
				t.Errorf("got %t, x=%q; want %t, %q", got, vars["x"], tt.ok, tt.x)
			}
			if _, ok := vars["any"]; ok {
				t.Error("any is remembered")
			}
		})
	}
}

// The steps of rows fail where they should.
func TestSteps(t *testing.T) {
	s := &server{log: new(buffer)}
	_, _ = s.log.Write([]byte("first line\nsecond line\n")) // it takes all
	s.answer = answer{200, http.Header{"Content-Type": {"text/html"}}, `{"a":{"b":12,"c":"yes"}}`}
	now := time.Now()
	for _, tt := range []struct {
		name, head, body string
		ok               bool
	}{
		{"log", "log", "first {any}\nsecond line\n", true},
		{"log in time", "log within 1ms", "third line\n", false},
		{"log with a limit that is none", "log within a while", "first line\n", false},
		{"log lacks", "log lacks", "third line\n", true},
		{"log has", "log lacks", "first line\n", false},
		{"status", "HTTP 404", "\n", false},
		{"header", "HTTP 200", "Content-Type: text/html\n", true},
		{"half a header", "HTTP 200", "Content-Type: text\n", false},
		{"absent header", "HTTP 200", "ETag: {any}\n", false},
		{"header and body", "HTTP 200", "Content-Type: text/html\n\n\"yes\"\n! \"no\"\n", true},
		{"no such text", "HTTP 200", "\n\"no\"\n", false},
		{"unwanted text", "HTTP 200", "\n! \"yes\"\n", false},
		{"json", "json", "a.b = 12\na.c = {any}\n", true},
		{"other json", "json", "a.b = 1\n", false},
		{"no json", "json", "a.d.e = 1\n", false},
		{"sum", "let x", "sum 3 - 5\n", true},
		{"no sum", "let x", "sum a + b\n", false},
		{"no function", "let x", "product 3 * 5\n", false},
		{"too little", "let x", "sum\n", false},
		{"equal", "equal", "a b\na b\n", true},
		{"unequal", "equal", "a b\na c\n", false},
		{"near", "near", strconv.FormatInt(now.Add(time.Hour).Unix(), 10) + " 1h 1m\n", true},
		{"near, as XEP-0082 has it", "near", now.Add(time.Hour).UTC().Format(time.RFC3339) + " 1h 1m\n", true},
		{"far", "near", strconv.FormatInt(now.Unix(), 10) + " 1h 1m\n", false},
		{"no time", "near", "soon 1h 1m\n", false},
		{"not near anything", "near", "1\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			known, err := s.Step(tt.head, tt.body, map[string]string{})
			if !known || (err == nil) != tt.ok {
				t.Errorf("known %t, %v; want ok: %t", known, err, tt.ok)
			}
		})
	}
	if known, err := s.Step("alice sends", "<a/>", map[string]string{}); known || err != nil {
		t.Errorf("a step of golden streams: %t, %v", known, err)
	}
}

func TestCompute(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"sum 3 + 5", "8"},
		{"sum 9 - 5", "4"},
		{"base64-hmac-sha1 key The quick brown fox jumps over the lazy dog", "3nybhbi3iqa8ino29wqQcBydtNk="},
		{"hex-hmac-sha256 key The quick brown fox jumps over the lazy dog", "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"},
	} {
		if got, err := compute(tt.text); err != nil || got != tt.want {
			t.Errorf("%s: got %q, %v; want %q", tt.text, got, err, tt.want)
		}
	}
}

// What is tried again in the end goes well, or says why not.
func TestEventually(t *testing.T) {
	n := 0
	err := eventually(time.Minute, func() error {
		if n++; n < 3 {
			return errors.New("not yet")
		}
		return nil
	})
	if err != nil || n != 3 {
		t.Errorf("%d tries, %v", n, err)
	}
	if err := eventually(0, func() error { return errors.New("never") }); err == nil {
		t.Error("what never goes well goes well")
	}
}
