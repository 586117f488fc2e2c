// SPDX-License-Identifier: Apache-2.0

// Tercet is an XMPP server whose every feature is a module.
package main

import (
	"os"

	"tercet/config"
	"tercet/config/luacfg"
	"tercet/core"
	"tercet/modules"
)

// version is set by the build (-ldflags "-X main.version=...").
var version = "0.1.0-dev"

func main() {
	os.Exit(core.Main(core.Build{Version: version, Modules: modules.All, Load: luacfg.Load, Default: config.Default()}, os.Args[1:]))
}
