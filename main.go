// SPDX-License-Identifier: Apache-2.0

// Tercet is an XMPP server whose every feature is a module.
package main

import (
	"context"
	"encoding/json"
	"os"

	"tercet/config"
	"tercet/config/luacfg"
	"tercet/core"
	"tercet/core/author"
	"tercet/modules"
	"tercet/modules/guest/lua"
	"tercet/modules/guest/wasm"
	"tercet/plugins/extauth"
)

// version is set by the build (-ldflags "-X main.version=...").
var version = "0.1.0-dev"

// inspectors look at the files of guests.
var inspectors = map[string]author.Inspector{
	".lua": func(ctx context.Context, file string, options json.RawMessage) author.Finding {
		return lua.Inspect(ctx, file, options)
	},
	".wasm": func(ctx context.Context, file string, options json.RawMessage) author.Finding {
		return wasm.Inspect(ctx, file, options)
	},
}

func main() {
	// The server is one binary: it starts itself again for its plugins.
	if len(os.Args) == 3 && os.Args[1] == "plugin" && os.Args[2] == "extauth" {
		os.Exit(extauth.Main())
	}
	os.Exit(core.Main(core.Build{
		Version: version, Modules: modules.All, Load: luacfg.Load, Default: config.Default(), Commands: author.Commands(inspectors),
	}, os.Args[1:]))
}
