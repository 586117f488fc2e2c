// SPDX-License-Identifier: Apache-2.0

package core

import (
	"time"

	"tercet/config"
)

// options are the server's own; modules have theirs.
type options struct {
	DataPath string       `lua:"data_path" doc:"Directory of all that the server stores."`
	PidFile  string       `lua:"pidfile" doc:"File that holds the process id while the server runs."`
	Umask    string       `lua:"umask" doc:"Octal mask for the modes of new files."`
	Network  settings     `lua:"network_settings" doc:"Table: shutdown_deadline, accept_retry_interval."`
	Storage  config.Value `lua:"storage" doc:"Driver of all stores, or a table from store to driver."`
	DefStore string       `lua:"default_storage" doc:"Driver of the stores that storage does not name."`
	Auth     string       `lua:"authentication" doc:"Credential provider of a host."`
	Admins   []string     `lua:"admins" doc:"Bare JIDs of administrators."`
	Enabled  []string     `lua:"modules_enabled" doc:"Modules to load."`
	Disabled []string     `lua:"modules_disabled" doc:"Modules not to load."`
	HostOn   bool         `lua:"enabled" doc:"Whether a host is served."`
	Critical []string     `lua:"modules_critical" doc:"Modules without which the server refuses to run."`
	Name     string       `lua:"name" doc:"Name of the server in service discovery."`
}

// Fields are the server's own options, for its README; modules have theirs.
func Fields() []config.Field {
	return config.Schema(defaults)
}

type settings struct {
	Shutdown    time.Duration `lua:"shutdown_deadline" min:"0" doc:"Time that streams have to end when the server stops."`
	AcceptRetry time.Duration `lua:"accept_retry_interval" min:"0" doc:"Pause after the system has run out of file descriptors."`
}

var defaults = options{
	DataPath: "/var/lib/tercet", Umask: "027", Auth: "internal_hashed", HostOn: true, Name: "Tercet",
	Network: settings{Shutdown: 5 * time.Second, AcceptRetry: 10 * time.Second},
}
