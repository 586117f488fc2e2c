// SPDX-License-Identifier: Apache-2.0

package rows_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // TURN's credentials are made with it
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tercet/core/coretest"
)

// An answer is what the last HTTP request got.
type answer struct {
	status int
	header http.Header
	body   string
}

// Step plays the sections that only rows have; the README says which.
func (s *server) Step(head, body string, vars map[string]string) (known bool, err error) {
	vars["today"] = time.Now().UTC().Format(time.DateOnly)
	for name, value := range vars {
		head = strings.ReplaceAll(head, "{"+name+"}", value)
	}
	verb, rest, _ := strings.Cut(head, " ")
	switch verb {
	case "GET", "POST", "PUT", "HEAD":
		return true, s.request(verb, rest, body)
	case "begin":
		method, path, _ := strings.Cut(rest, " ")
		s.pending = make(chan error, 1)
		go func() { s.pending <- s.request(method, path, body) }()
		return true, nil
	case "finish":
		return true, <-s.pending
	case "HTTP":
		return true, s.answered(rest, body, vars)
	case "ctl":
		return true, s.controls(rest, body, vars)
	case "log":
		return true, s.logged(rest, body, vars)
	case "restart":
		s.stop()
		return true, s.start()
	case "account":
		s.AddUser(domain, rest, coretest.Password(rest))
		return true, nil
	case "json":
		return true, s.json(body, vars)
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

// request sends a request over HTTP: headers, an empty line, a body.
func (s *server) request(method, path, text string) error {
	head, body, _ := strings.Cut(text, "\n\n")
	body = strings.TrimSpace(body)
	var last error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		req, err := http.NewRequest(method, "http://127.0.0.1:"+strconv.Itoa(s.http)+path, strings.NewReader(body)) //nolint:noctx // bounded below
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
		if errors.Is(err, syscall.ECONNREFUSED) { // it may listen a little later
			last = err
			continue
		}
		if err != nil {
			return fmt.Errorf("request: %w", err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			return fmt.Errorf("answer: %w", err)
		}
		s.answer = answer{resp.StatusCode, resp.Header, string(b)}
		return nil
	}
	return fmt.Errorf("request: %w", last)
}

// plain follows no redirection.
var plain = &http.Client{
	Timeout:       patience,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// answered compares the last answer: status, headers, an empty line, lines that
// the body has.
func (s *server) answered(status, text string, vars map[string]string) error {
	if got := strconv.Itoa(s.answer.status); got != status {
		return fmt.Errorf("got %s, want %s:\n%s", got, status, tail(s.answer.body, 2000))
	}
	head, body, _ := strings.Cut(text, "\n\n")
	if strings.HasPrefix(text, "\n") {
		head, body = "", text
	}
	for line := range strings.Lines(head) {
		name, want, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		if got := s.answer.header.Get(strings.TrimSpace(name)); !find(strings.TrimSpace(want), got, vars) {
			return fmt.Errorf("%s is %q, want %s", name, got, strings.TrimSpace(want))
		}
	}
	return has(s.answer.body, body, vars)
}

// has says which line is not in a text, or is though it begins with "! ".
func has(text, lines string, vars map[string]string) error {
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		unwanted, not := strings.CutPrefix(line, "! ")
		switch {
		case line == "":
		case not && find(unwanted, text, vars):
			return fmt.Errorf("got %q in:\n%s", unwanted, tail(text, 4000))
		case !not && !find(line, text, vars):
			return fmt.Errorf("no %q in:\n%s", line, tail(text, 4000))
		}
	}
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

// json compares values of the last answer, by the names on the way to them:
// a.b = text.
func (s *server) json(body string, vars map[string]string) error {
	var all any
	if err := json.Unmarshal([]byte(s.answer.body), &all); err != nil {
		return fmt.Errorf("%w: %s", err, tail(s.answer.body, 2000))
	}
	for line := range strings.Lines(body) {
		path, want, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		v := all
		for _, name := range strings.Split(strings.TrimSpace(path), ".") {
			object, _ := v.(map[string]any) // nil has no members
			v = object[name]
		}
		if !find("("+strings.TrimSpace(want)+")", fmt.Sprintf("(%v)", v), vars) {
			return fmt.Errorf("%s is %v, want %s", path, v, want)
		}
	}
	return nil
}

// controls runs the control tool, until it says what it should.
func (s *server) controls(args, body string, vars map[string]string) error {
	deadline := time.Now().Add(patience)
	for {
		err := s.control(args, body, vars)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		<-time.After(50 * time.Millisecond)
	}
}

func (s *server) control(args, body string, vars map[string]string) error {
	cmd := s.kind.control(s, strings.Fields(args)...)
	cmd.Dir, cmd.SysProcAttr = s.dir, s.kind.asUser
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil && !strings.HasPrefix(body, "(fails)") {
		return fmt.Errorf("%s: %w:\n%s", args, err, tail(out.String(), 2000))
	}
	return has(out.String(), strings.TrimPrefix(body, "(fails)"), vars)
}

// logged waits for lines in the log, or says which of those it must not have
// is there.
func (s *server) logged(what, body string, vars map[string]string) error {
	if what == "lacks" {
		for line := range strings.Lines(body) {
			if line = strings.TrimSpace(line); line != "" && find(line, s.log.String(), vars) {
				return fmt.Errorf("the log has %q", line)
			}
		}
		return nil
	}
	wait := patience
	if what != "" { // "within TIME"
		var err error
		if wait, err = time.ParseDuration(strings.TrimPrefix(what, "within ")); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(wait)
	for {
		err := has(s.log.String(), body, vars)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		<-time.After(5 * time.Millisecond)
	}
}

// compute is what a let section may say: a function and its arguments, the
// last of which may have spaces.
func compute(text string) (string, error) {
	f := strings.SplitN(text, " ", 3)
	switch {
	case f[0] == "sum" && len(f) == 3: // 3 + 4
		var a, b int
		var op string
		if _, err := fmt.Sscanf(f[1]+" "+f[2], "%d %s %d", &a, &op, &b); err != nil {
			return "", err
		}
		if op == "-" {
			b = -b
		}
		return strconv.Itoa(a + b), nil
	case f[0] == "base64-hmac-sha1" && len(f) == 3:
		h := hmac.New(sha1.New, []byte(f[1]))
		h.Write([]byte(f[2]))
		return base64.StdEncoding.EncodeToString(h.Sum(nil)), nil
	case f[0] == "hex-hmac-sha256" && len(f) == 3:
		h := hmac.New(sha256.New, []byte(f[1]))
		h.Write([]byte(f[2]))
		return hex.EncodeToString(h.Sum(nil)), nil
	case f[0] == "text" && len(f) > 1:
		return strings.TrimPrefix(text, "text "), nil
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
		return err
	}
	if off := got.Sub(time.Now().Add(ahead)).Abs(); off > within {
		return fmt.Errorf("%s is %s off", f[0], off)
	}
	return nil
}
