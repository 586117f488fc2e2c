// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is a line of go test -json; see "go doc test2json" and "go help buildjson".
type event struct {
	Action     string
	Package    string
	ImportPath string // of a build-output
	Test       string
	Output     string
}

type skip struct{ pkg, test, reason string }

// report reads the events of one go test and writes its lines.
type report struct {
	w       io.Writer
	results bool // print the result line of each test

	output                map[[2]string][]string // of tests that have not ended, by package and test
	passed, failed        int
	packages, packagesBad int
	skips                 []skip
}

func newReport(w io.Writer, results bool) *report {
	return &report{w: w, results: results, output: map[[2]string][]string{}}
}

func (r *report) line(b []byte) {
	var ev event
	if json.Unmarshal(b, &ev) != nil || ev.Action == "" {
		_, _ = r.w.Write(b) // go test itself prints some errors in plain
		return
	}
	switch {
	case ev.Action == "build-output":
		_, _ = io.WriteString(r.w, ev.Output)
	case ev.Test == "":
		r.ofPackage(ev)
	default:
		r.ofTest(ev)
	}
}

func (r *report) ofPackage(ev event) {
	switch ev.Action {
	case "output":
		if ev.Output != "PASS\n" && !strings.Contains(ev.Output, "[no test files]") {
			_, _ = io.WriteString(r.w, ev.Output)
		}
	case "pass":
		r.packages++
	case "fail":
		r.packages++
		r.packagesBad++
		// A panic or a timeout ends the package before the test's own end.
		for _, test := range r.unfinished(ev.Package) {
			r.flush(ev.Package, test)
		}
	}
}

func (r *report) unfinished(pkg string) []string {
	var tests []string
	for key := range r.output {
		if key[0] == pkg {
			tests = append(tests, key[1])
		}
	}
	slices.Sort(tests)
	return tests
}

func (r *report) ofTest(ev event) {
	key := [2]string{ev.Package, ev.Test}
	switch ev.Action {
	case "output":
		r.output[key] = append(r.output[key], ev.Output)
	case "pass":
		r.passed++
		r.result(key)
	case "skip":
		r.skips = append(r.skips, skip{ev.Package, ev.Test, reason(r.output[key])})
		r.result(key)
	case "fail":
		r.failed++
		r.flush(key[0], key[1])
	}
}

// flush prints everything that a test said.
func (r *report) flush(pkg, test string) {
	key := [2]string{pkg, test}
	for _, l := range r.output[key] {
		if !isFrame(l) {
			_, _ = io.WriteString(r.w, l)
		}
	}
	delete(r.output, key)
}

// result prints a test's last word only.
func (r *report) result(key [2]string) {
	for _, l := range r.output[key] {
		if r.results && strings.HasPrefix(strings.TrimLeft(l, " "), "--- ") {
			_, _ = io.WriteString(r.w, l)
		}
	}
	delete(r.output, key)
}

// isFrame reports whether a line is one of go test's === RUN, PAUSE, CONT, NAME.
func isFrame(l string) bool { return strings.HasPrefix(l, "=== ") }

// reason is what a skipped test said: "x_test.go:12: no tmux here".
func reason(lines []string) string {
	var said []string
	for _, l := range lines {
		l = strings.TrimSpace(l)
		if l != "" && !isFrame(l) && !strings.HasPrefix(l, "--- ") {
			said = append(said, l)
		}
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}

func (r *report) summary() {
	_, _ = fmt.Fprintf(r.w, "%d packages, %d failed; %d tests passed, %d failed, %d skipped\n",
		r.packages, r.packagesBad, r.passed, r.failed, len(r.skips))
	for _, s := range r.skips {
		_, _ = fmt.Fprintf(r.w, "skipped: %s %s: %s\n", s.pkg, s.test, s.reason)
	}
}

// verdict is for a go test that succeeded.
func (r *report) verdict(ci bool) error {
	switch {
	case r.passed == 0:
		return errors.New("no test ran")
	case ci && len(r.skips) > 0:
		return fmt.Errorf("%d tests were skipped, and CI skips nothing", len(r.skips))
	}
	return nil
}
