// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/core/module"
)

// cutter writes in pieces that end anywhere: each is a TLS record of its own.
type cutter struct{ net.Conn }

func (c cutter) Write(p []byte) (n int, err error) {
	for n < len(p) {
		k := min(len(p)-n, 1+rand.IntN(40))
		if k, err = c.Conn.Write(p[n : n+k]); err != nil {
			return n, err
		}
		n += k
	}
	return n, nil
}

// target plays golden streams to the built server.
type target struct {
	*server
	t *testing.T
}

func (g target) Dial() net.Conn { return cutter{g.dial(g.t)} }

func (g target) AddUser(_, user, password string) { g.addUser(user, password) }

func (g target) Login(tb testing.TB, user, resource string) *coretest.Client {
	tb.Helper()
	g.addUser(user, coretest.Password(user))
	c := coretest.NewClient(tb, g.Dial(), g.domain)
	c.JID = user + "@" + g.domain + "/" + resource
	c.Plain(user, coretest.Password(user))
	c.Bind(resource)
	return c
}

func (g target) Reconfigure(lua string) module.Plan {
	g.write(lua)
	if _, err := g.control("", "reload"); err != nil {
		g.t.Fatal(err)
	}
	return module.Plan{}
}

// TestGoldenStreams plays the golden streams of all modules to the built
// server, over TLS, with what is sent cut at random bytes. Those that begin on
// a stream without TLS stay in memory.
func TestGoldenStreams(t *testing.T) {
	files, err := filepath.Glob("../../modules/*/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden streams: %v", err)
	}
	played := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "-- stranger") {
			continue
		}
		played++
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(file), "../../modules/"), ".txtar")
		t.Run(strings.Replace(name, "/testdata/", "/", 1), func(t *testing.T) {
			t.Parallel()
			sc := coretest.ParseScript(file, string(text))
			sc.Run(t, target{newServer(t, sc.Config), t})
		})
	}
	if played < len(files)/2 {
		t.Errorf("only %d of %d golden streams can be played over TLS", played, len(files))
	}
}
