// SPDX-License-Identifier: Apache-2.0

package wasm_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/core/module"
	"tercet/modules"
)

// memory is a coretest.Target.
type memory struct{ *coretest.Server }

func (m memory) Dial() net.Conn { return m.Server.Dial("c2s") }

func (m memory) Login(t testing.TB, user, resource string) *coretest.Client {
	t.Helper()
	return m.Server.Login(user, resource)
}

// guest puts the guest's file where a golden stream says GUEST.
type target struct {
	memory
	guest string
}

func (g target) Reconfigure(lua string) module.Plan {
	return g.memory.Reconfigure(strings.ReplaceAll(lua, "GUEST", g.guest))
}

// The example behaves alike in each language.
func TestExamples(t *testing.T) {
	text, err := os.ReadFile("testdata/filter.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		language string
		builder  builder
		source   string
	}{
		{"c", clang, "c/filter.c"},
		{"go", golang, "go/main.go"},
		{"rust", rustc, "rust/filter.rs"},
		{"assemblyscript", asc, "assemblyscript/filter.ts"},
	} {
		t.Run(tt.language, func(t *testing.T) {
			file := tt.builder.build(t, filepath.Join(root, "examples/wasm", tt.source))
			sc := coretest.ParseScript("testdata/filter.txtar", string(text))
			s := coretest.New(t, strings.ReplaceAll(sc.Config, "GUEST", file), modules.All...)
			t.Logf("an instance has %d KB of memory", s.Env.Manager.Meters()["filter"].Total().Memory/1024)
			sc.Run(t, target{memory{s}, file})
		})
	}
}
