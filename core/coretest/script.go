// SPDX-License-Identifier: Apache-2.0

package coretest

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tercet/core/golden"
	"tercet/core/module"
)

// A Target is a server that a script talks to.
type Target interface {
	Dial() net.Conn
	AddUser(domain, user, password string)
	// Login takes a fresh connection to an authenticated, bound session.
	Login(t testing.TB, user, resource string) *Client
	Reconfigure(lua string) module.Plan
}

// A Script is a golden stream, see package golden.
type Script struct{ golden.Script }

// ParseScript reads a script.
func ParseScript(name, text string) Script { return Script{golden.Parse(name, text)} }

// Scripts runs the golden streams in testdata/*.txtar, each against a server
// of its own in memory.
func Scripts(t *testing.T, mods ...module.Definition) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden streams in testdata: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			sc := ParseScript(file, string(text))
			sc.Run(t, memory{New(t, sc.Config, mods...)})
		})
	}
}

// memory is a Target in memory.
type memory struct{ *Server }

func (m memory) Dial() net.Conn { return m.Server.Dial("c2s") }

func (m memory) Login(t testing.TB, user, resource string) *Client {
	t.Helper()
	return m.Server.Login(user, resource)
}

// Run plays the script to a server.
func (sc Script) Run(t *testing.T, target Target) {
	t.Helper()
	if err := sc.Script.Run(played{t, target}); err != nil {
		t.Fatal(err)
	}
}

// played is a Target for package golden: what goes wrong in it ends the test.
type played struct {
	t      *testing.T
	target Target
}

func (p played) Dial() (net.Conn, error) { return p.target.Dial(), nil }

func (p played) Login(user, resource string) (*golden.Stream, error) {
	return p.target.Login(p.t, user, resource).Stream, nil
}

func (p played) Reconfigure(lua string) error {
	p.target.Reconfigure(lua)
	return nil
}

// Step plays the sections that the target has of its own.
func (p played) Step(head, body string, vars map[string]string) (known bool, err error) {
	if own, ok := p.target.(golden.Stepper); ok {
		return own.Step(head, body, vars)
	}
	return false, nil
}
