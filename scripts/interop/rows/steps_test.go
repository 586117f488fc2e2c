// SPDX-License-Identifier: Apache-2.0

package rows_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Step plays the sections that only rows have; the README says which.
func (s *server) Step(head, body string, vars map[string]string) (known bool, err error) {
	vars["today"] = time.Now().UTC().Format(time.DateOnly)
	for name, value := range vars {
		head = strings.ReplaceAll(head, "{"+name+"}", value)
	}
	verb, rest, _ := strings.Cut(head, " ")
	switch verb {
	case "account":
		return true, s.addUser(rest)
	case "GET", "HEAD", "POST", "PUT":
		return true, s.request(verb, rest, body)
	case "begin":
		method, path, _ := strings.Cut(rest, " ")
		s.pending = make(chan error, 1)
		go func() { s.pending <- s.request(method, path, body) }()
		return true, nil
	case "finish":
		return true, <-s.pending
	case "HTTP":
		return true, s.answer.is(rest, body, vars)
	case "json":
		return true, s.answer.holds(body, vars)
	case "ctl":
		return true, s.controls(rest, body, vars)
	case "log":
		return true, s.logged(rest, body, vars)
	case "restart":
		return true, s.restart()
	case "let":
		vars[rest], err = compute(strings.TrimSpace(body))
		return true, err
	case "equal":
		one, other, _ := strings.Cut(strings.TrimSpace(body), "\n")
		if one != other {
			return true, fmt.Errorf("%q is not %q", one, other)
		}
		return true, nil
	case "near":
		return true, near(strings.Fields(body))
	}
	return false, nil
}

// An answer is what the last HTTP request got.
type answer struct {
	status int
	header http.Header
	body   string
}

// plain follows no redirection.
var plain = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// request sends a request over HTTP: headers, an empty line, a body. The server
// may listen there a little later than for clients.
func (s *server) request(method, path, text string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	head, body := headAndBody(text)
	for {
		req, err := http.NewRequestWithContext(ctx, method, "http://127.0.0.1:"+strconv.Itoa(s.http)+path, strings.NewReader(strings.TrimSpace(body)))
		if err != nil {
			return fmt.Errorf("request: %w", err)
		}
		for line := range strings.Lines(head) {
			if name, value, ok := strings.Cut(line, ":"); ok {
				req.Header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
			}
		}
		if host := req.Header.Get("Host"); host != "" {
			req.Host = host
		}
		resp, err := plain.Do(req)
		if errors.Is(err, syscall.ECONNREFUSED) && ctx.Err() == nil {
			<-time.After(5 * time.Millisecond)
			continue
		}
		if err != nil {
			return fmt.Errorf("request: %w", err)
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close() // all has been read
		if err != nil {
			return fmt.Errorf("answer: %w", err)
		}
		s.answer = answer{resp.StatusCode, resp.Header, string(b)}
		return nil
	}
}

// headAndBody cuts a text at its first empty line, which may be the first.
func headAndBody(text string) (head, body string) {
	if body, ok := strings.CutPrefix(text, "\n"); ok {
		return "", body
	}
	head, body, _ = strings.Cut(text, "\n\n")
	return head, body
}

// is compares an answer: status, headers, an empty line, lines that the body
// has.
func (a answer) is(status, text string, vars map[string]string) error {
	if got := strconv.Itoa(a.status); got != status {
		return fmt.Errorf("got %s, want %s:\n%s", got, status, tail(a.body, 2000))
	}
	head, body := headAndBody(text)
	for line := range strings.Lines(head) {
		name, want, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		if got := a.header.Get(strings.TrimSpace(name)); !find("("+strings.TrimSpace(want)+")", "("+got+")", vars) {
			return fmt.Errorf("%s is %q, want %s", name, got, strings.TrimSpace(want))
		}
	}
	return has(a.body, body, vars)
}

// holds compares values of an answer in JSON, by the names on the way to them:
// a.b = text.
func (a answer) holds(text string, vars map[string]string) error {
	var all any
	if err := json.Unmarshal([]byte(a.body), &all); err != nil {
		return fmt.Errorf("%w: %s", err, tail(a.body, 2000))
	}
	for line := range strings.Lines(text) {
		path, want, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		v := all
		for name := range strings.SplitSeq(strings.TrimSpace(path), ".") {
			object, _ := v.(map[string]any) // others have no members
			v = object[name]
		}
		if !find("("+strings.TrimSpace(want)+")", fmt.Sprintf("(%v)", v), vars) {
			return fmt.Errorf("%sis %v, want %s", path, v, strings.TrimSpace(want))
		}
	}
	return nil
}

// has says which line is not in a text, or is though it begins with "! ". Only
// if there is none, texts are remembered.
func has(text, lines string, vars map[string]string) error {
	tried := maps.Clone(vars)
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		unwanted, not := strings.CutPrefix(line, "! ")
		switch {
		case line == "":
		case not && find(unwanted, text, tried):
			return fmt.Errorf("got %q in:\n%s", unwanted, tail(text, 4000))
		case !not && !find(line, text, tried):
			return fmt.Errorf("no %q in:\n%s", line, tail(text, 4000))
		}
	}
	maps.Copy(vars, tried)
	return nil
}

var variable = regexp.MustCompile(`\{[a-z][a-z0-9]*\}`)

// find looks for a text in which {x} stands for what is remembered as x; {any}
// and a new {x} stand for anything within a line.
func find(want, in string, vars map[string]string) bool {
	pattern, last := "", 0
	var names []string
	for _, at := range variable.FindAllStringIndex(want, -1) {
		pattern += regexp.QuoteMeta(want[last:at[0]])
		name := want[at[0]+1 : at[1]-1]
		last = at[1]
		if value, known := vars[name]; known && name != "any" {
			pattern += regexp.QuoteMeta(value)
			continue
		}
		pattern += `([^\r\n]+?)`
		names = append(names, name)
	}
	m := regexp.MustCompile(pattern + regexp.QuoteMeta(want[last:])).FindStringSubmatch(in)
	if m == nil {
		return false
	}
	for i, name := range names {
		if name != "any" {
			vars[name] = m[i+1]
		}
	}
	return true
}

// controls runs the control tool until it says what it should.
func (s *server) controls(args, body string, vars map[string]string) error {
	return eventually(patience, func() error {
		cmd := s.command(s.kind.control(s, strings.Fields(args)...))
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		lines, fails := strings.CutPrefix(body, "(fails)\n")
		_ = cmd.Run() // the exit code is looked at
		if code := cmd.ProcessState.ExitCode(); (code != 0) != fails {
			return fmt.Errorf("%s: exit code %d:\n%s", args, code, tail(out.String(), 2000))
		}
		return has(out.String(), lines, vars)
	})
}

// logged waits for lines in the log ("within TIME", or as long as usual), or
// says which of those that it "lacks" is there.
func (s *server) logged(how, body string, vars map[string]string) error {
	wait := patience
	if limit, ok := strings.CutPrefix(how, "within "); ok {
		var err error
		if wait, err = time.ParseDuration(limit); err != nil {
			return fmt.Errorf("log: %w", err)
		}
	}
	if how != "lacks" {
		return eventually(wait, func() error { return has(s.log.String(), body, vars) })
	}
	for line := range strings.Lines(body) {
		if line = strings.TrimSpace(line); line != "" && find(line, s.log.String(), vars) {
			return fmt.Errorf("the log has %q", line)
		}
	}
	return nil
}

// eventually tries until it goes well, or is the last thing that went wrong.
func eventually(wait time.Duration, try func() error) error {
	deadline := time.Now().Add(wait)
	for {
		err := try()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		<-time.After(10 * time.Millisecond)
	}
}

// compute is what a let section may say: a function and its arguments, the
// last of which may have spaces.
func compute(text string) (string, error) {
	f := strings.SplitN(text, " ", 3)
	if len(f) < 3 {
		return "", fmt.Errorf("what is %q?", text)
	}
	switch f[0] {
	case "sum": // 3 + 4
		var a, b int
		var op string
		if _, err := fmt.Sscan(f[1]+" "+f[2], &a, &op, &b); err != nil {
			return "", fmt.Errorf("sum: %w", err)
		}
		if op == "-" {
			b = -b
		}
		return strconv.Itoa(a + b), nil
	case "base64-hmac-sha1":
		h := hmac.New(sha1.New, []byte(f[1]))
		h.Write([]byte(f[2]))
		return base64.StdEncoding.EncodeToString(h.Sum(nil)), nil
	case "hex-hmac-sha256":
		h := hmac.New(sha256.New, []byte(f[1]))
		h.Write([]byte(f[2]))
		return hex.EncodeToString(h.Sum(nil)), nil
	}
	return "", fmt.Errorf("what is %q?", text)
}

// near compares a time, in seconds since 1970 or as XEP-0082 has it, with now
// plus a duration, within another.
func near(f []string) error {
	if len(f) != 3 {
		return errors.New("want TIME DURATION TOLERANCE")
	}
	ahead, err1 := time.ParseDuration(f[1])
	within, err2 := time.ParseDuration(f[2])
	got, err3 := time.Parse(time.RFC3339, f[0])
	if n, err := strconv.ParseInt(f[0], 10, 64); err == nil {
		got, err3 = time.Unix(n, 0), nil
	}
	if err := errors.Join(err1, err2, err3); err != nil {
		return fmt.Errorf("near: %w", err)
	}
	if off := got.Sub(time.Now().Add(ahead)).Abs(); off > within {
		return fmt.Errorf("%s is %s off", f[0], off)
	}
	return nil
}
