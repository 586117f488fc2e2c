// SPDX-License-Identifier: Apache-2.0

// Package version answers with the software that runs the host (XEP-0092,
// version 1.1).
package version

import (
	"context"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"tercet/core/element"
	"tercet/core/iq"
	"tercet/core/module"
	"tercet/modules/disco"
)

// Module is the software version module.
var Module = module.Define("version", module.OnHost, options{}, load)

type options struct {
	HideOS  bool   `lua:"hide_os_type" doc:"Do not tell the operating system."`
	Command string `lua:"os_version_command" doc:"Command whose output is told as the operating system; it runs once, when the module is loaded."`
}

var name = element.Name{Space: "jabber:iq:version", Local: "query"}

// commandTime bounds os_version_command.
const commandTime = 5 * time.Second

// maxOS is how many bytes of its output are told.
const maxOS = 200

func load(s *module.Scope, o options) error {
	os := ""
	if !o.HideOS {
		os = system(s, o)
	}
	disco.Feature.Add(s, name.Space)
	iq.Handle(s, iq.Get, iq.Host, name, func(context.Context, *iq.Request) (element.Element, error) {
		b := element.New(name.Space, "query").
			TextChild(name.Space, "name", "Tercet").TextChild(name.Space, "version", s.Env.Version)
		if os != "" {
			b.TextChild(name.Space, "os", os)
		}
		return b.Element(), nil
	})
	return nil
}

// system is what the admin's command says, else the name that Go has for it.
func system(s *module.Scope, o options) string {
	if o.Command == "" {
		return platform()
	}
	ctx, cancel := context.WithTimeout(s.Context(), commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", o.Command) //nolint:gosec // the admin's own command
	cmd.WaitDelay = time.Second                                 // what it has started may hold its output
	out, err := cmd.Output()
	if err != nil {
		s.Log.WarnContext(ctx, "os_version_command failed", "err", err)
		return platform()
	}
	text := strings.TrimSpace(string(out))
	return text[:min(len(text), maxOS)]
}

// platform is the system's name as it writes itself.
func platform() string {
	switch runtime.GOOS {
	case "linux":
		return "Linux"
	case "darwin":
		return "macOS"
	case "freebsd":
		return "FreeBSD"
	}
	return runtime.GOOS
}
