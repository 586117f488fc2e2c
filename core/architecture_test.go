// SPDX-License-Identifier: Apache-2.0

// The rules of the house: who may import whom, how large a thing may be, what
// a module's folder holds. The checkers are in rules_test.go; here is what
// they go by.
package core_test

import (
	"os"
	"testing"
)

// ranks orders the packages of the core: a package imports only packages of a
// lower rank. 0 are the leaves, which import nothing of ours.
var ranks = map[string]int{
	"core/ext":       0,
	"core/lane":      0,
	"core/jid":       0,
	"core/element":   0,
	"core/metric":    0,
	"core/transport": 0,
	"core/control":   0,
	"core/memory":    0,
	"core/stanza":    1,
	"config":         1,
	"core/form":      1,
	"core/storage":   2,
	"core/auth":      2,
	"core/tlspolicy": 2,
	"core/listen":    2,
	"core/logging":   2,
	"core/slot":      0,
	"core/cache":     0,
	"config/lua51":   0,
	"config/luacfg":  2,
	"core/stream":    3,
	"core/session":   4,
	"core/route":     5,
	"core/iq":        6,
	"core/module":    7,
	"core/guest":     8,
	"core":           9,
	"modules":        10, // the list
	"core/golden":    10, // servers in memory, and scripts for them
	"sdk":            0,
	"core/author":    11, // commands for who writes modules
	".":              12, // main

	// For tests only; no code of the server imports them.
	"core/storage/storagetest": 3,
	"core/coretest":            11,
}

// libraries names for each foreign module the packages that may import it; a
// slash at the end means all packages in that folder.
// Tests may import any of them.
var libraries = map[string][]string{
	"github.com/bufbuild/protocompile": {"scripts/"},
	"github.com/hashicorp/go-hclog":    {"modules/auth/external", "modules/guest/process", "plugins/"},
	"github.com/hashicorp/go-plugin":   {"modules/auth/external", "modules/guest/process", "plugins/"},
	"github.com/pressly/goose/v3":      {"modules/storage/sqlite"},
	"github.com/spf13/cobra":           {"core"},
	"github.com/spf13/pflag":           {"core"},
	"github.com/tetratelabs/wazero":    {"modules/guest/wasm"},
	"github.com/xdg-go/scram":          {}, // a client for tests
	"github.com/xdg-go/stringprep":     {"core/auth", "core/jid", "modules/sasl/"},
	"github.com/yuin/gopher-lua":       {"config/luacfg", "config/lua51", "modules/guest/lua", "modules/guest/lua/"},
	"go.uber.org/goleak":               {},
	"golang.org/x/crypto":              {"core/auth"},
	"golang.org/x/net":                 {"core/jid"},
	"golang.org/x/sync":                {},
	"golang.org/x/sys":                 {"core", "core/control", "core/listen", "core/logging", "core/memory", "core/transport", "scripts/"},
	"golang.org/x/term":                {"core"},
	"golang.org/x/text":                {"core/auth", "core/jid"},
	"golang.org/x/tools":               {"scripts/"},
	"google.golang.org/grpc":           {"modules/auth/external", "modules/guest/process", "plugins/", "sdk/proto/"},
	"google.golang.org/protobuf":       {"modules/auth/external", "modules/guest/process", "plugins/", "scripts/", "sdk/proto/"},
	"mellium.im/sasl":                  {},
	"mellium.im/xmlstream":             {},
	"mellium.im/xmpp":                  {"core/jid", "scripts/"},
	"modernc.org/sqlite":               {"modules/storage/sqlite"},
	"pgregory.net/rapid":               {},
}

// Hard limits, in lines, tests and generated files aside. Style asks for two
// thirds of them.
const (
	maxFile     = 600
	maxFunction = 80
	maxCore     = 16_250 // of code, comments and blank lines aside; what is in apart is not counted. 12,000 were planned: OpenSSL's words for TLS and Prosody's log sinks are 2,700 of these, data forms 300, commands of other packages 50
)

// apart are the packages of the core that maxCore does not count: the
// transport, and what serves authors of modules instead of clients.
var apart = []string{"core/author", "core/golden", "core/transport"}

// badNames say nothing about what they name.
var (
	badPackages = []string{"base", "common", "helper", "helpers", "interfaces", "manager", "misc", "shared", "types", "util", "utils"}
	badFiles    = []string{"base.go", "common.go", "consts.go", "helpers.go", "interfaces.go", "misc.go", "types.go", "util.go", "utils.go"}
)

// headings are those of a module's README, in this order.
var headings = []string{"Name", "Description", "Options", "Examples", "Specifications"}

// drivers are the folders below modules/ whose modules serve the server and
// not a client: they need no golden stream.
var drivers = []string{"modules/auth/", "modules/guest/", "modules/http/", "modules/http_openmetrics/", "modules/profile/", "modules/shell/", "modules/storage/"}

// stems are the modules whose folders are leaves before they declare a Module.
var stems = []string{"modules/guest/lua"}

// owners are the folders below modules/ whose code runs without a scope, and
// so may start goroutines by itself.
var owners = []string{"modules/guest/lua/universe/", "modules/guest/watch.go", "modules/storage/"}

func TestArchitecture(t *testing.T) {
	tree, err := readTree(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.packages) == 0 {
		t.Fatal("no packages found")
	}
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, broken := range rule.check(tree) {
				t.Error(broken)
			}
		})
	}
}
