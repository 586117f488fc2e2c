// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"slices"

	"tercet/modules/guest/lua/lib"
)

// standard are the libraries of Lua itself.
var standard = []string{"bit32", "coroutine", "debug", "io", "math", "os", "package", "string", "table", "utf8", "_G"}

// served are the libraries that need the live server.
var served = []string{
	"core.certmanager", "core.configmanager", "core.hostmanager", "core.moduleapi", "core.modulemanager", "core.portmanager",
	"core.rostermanager", "core.s2smanager", "core.sessionmanager", "core.statsmanager", "core.storagemanager", "core.usermanager",
	"net.http", "net.http.files", "net.http.server", "util.async", "util.datamanager", "util.events", "util.timer",
}

// offers reports whether there is a library of that name.
func offers(name string) bool {
	if slices.Contains(standard, name) || slices.Contains(served, name) {
		return true
	}
	_, ok := lib.Loaders()[name]
	return ok
}
