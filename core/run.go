// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"tercet/config"
	"tercet/core/control"
	"tercet/core/memory"
)

// serve runs the server in the foreground until it is told to stop.
func (p *program) serve(ctx context.Context) int {
	memory.CollectEarly()
	c, fresh, err := p.loadConfig(true)
	if err != nil {
		fmt.Fprintln(p.err, err)
		return control.Failed
	}
	if mask, err := parseMask(umaskOf(c)); err == nil {
		unix.Umask(mask)
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer signal.Stop(signals)
	s, problems, err := Start(ctx, p.Build, c)
	p.print(problems)
	if err != nil {
		fmt.Fprintf(p.err, "tercet does not start: %v\n", err)
		return control.Failed
	}
	if err := s.writePid(); err != nil {
		v, _ := c.Lookup("", "pidfile")
		p.print([]config.Problem{{Pos: v.Pos, Text: "pidfile: " + err.Error()}})
	}
	defer s.removePid()
	p.greet(s, fresh)
	notify(ctx, "READY=1")
	for {
		select {
		case sig := <-signals:
			if sig == unix.SIGHUP {
				s.hangup(ctx)
				continue
			}
			s.Stop("the server is stopped by " + sig.String()) //nolint:contextcheck // a stop outlives who asked for it
		case <-s.Done():
			return control.OK
		}
	}
}

// umaskOf is the option umask, which is not known to be right yet.
func umaskOf(c *config.Config) string {
	if v, ok := c.Lookup("", "umask"); ok && v.Kind() == config.String {
		return v.Str()
	}
	return defaults.Umask
}

// hangup is SIGHUP: the config is read again and log files are opened anew.
func (s *Server) hangup(ctx context.Context) {
	plan, err := s.Reload(ctx)
	for _, problem := range plan.Problems {
		s.Env.Log.WarnContext(ctx, "config", "problem", problem.String())
	}
	if err != nil {
		s.Env.Log.ErrorContext(ctx, "config not reloaded: nothing has changed", "err", err)
		return
	}
	s.Env.Log.InfoContext(ctx, "config reloaded", "loaded", plan.Loaded, "reloaded", plan.Reloaded, "unloaded", plan.Unloaded)
}

// pidFile is where the process id is written, or "".
func (s *Server) pidFile() string {
	name := s.options.PidFile
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.Env.DataDir, name)
}

// writePid writes the pidfile. That it cannot is no reason not to serve.
func (s *Server) writePid() error {
	if s.pidFile() == "" {
		return nil
	}
	return os.WriteFile(s.pidFile(), fmt.Appendf(nil, "%d\n", os.Getpid()), 0o644) //nolint:gosec // others read a pidfile
}

func (s *Server) removePid() {
	if s.pidFile() != "" {
		_ = os.Remove(s.pidFile()) // a stale one does no harm
	}
}

func (p *program) print(problems []config.Problem) {
	for _, problem := range config.Sort(problems) {
		fmt.Fprintf(p.err, "%s: %s: %s\n", problem.Pos, problem.Severity, problem.Text)
	}
}

// greet tells an admin what comes next.
func (p *program) greet(s *Server, fresh bool) {
	hosts := s.hostNames()
	fmt.Fprintf(p.out, "Tercet %s serves %s\n", p.Version, strings.Join(hosts, ", "))
	if fresh {
		fmt.Fprintf(p.out, "  config     %s (written now; edit it, then: tercet reload)\n", s.Env.Config().File)
	} else {
		fmt.Fprintf(p.out, "  config     %s\n", s.Env.Config().File)
	}
	fmt.Fprintf(p.out, "  data       %s\n", s.Env.DataDir)
	port := ""
	for _, l := range s.Env.Listeners.List() {
		if l.Network == "unix" {
			fmt.Fprintf(p.out, "  control    %s\n", l.Address)
			continue
		}
		fmt.Fprintf(p.out, "  listening  %s %s (TLS: %s)\n", l.Service, l.Address, l.TLS)
		if _, n, err := net.SplitHostPort(l.Address); err == nil && l.TLS == "starttls" {
			port = " port " + n
		}
	}
	if len(hosts) == 0 {
		return
	}
	tercet := os.Args[0] // as the admin has called it
	if p.config != "" {
		tercet += " --config " + p.config
	}
	fmt.Fprintf(p.out, "What next:\n  add a user       %s adduser romeo@%s\n", tercet, hosts[0])
	fmt.Fprintf(p.out, "  connect          with any XMPP client as romeo@%s, server %s%s\n", hosts[0], hosts[0], port)
	fmt.Fprintf(p.out, "  its certificate  %s cert\n  all commands     %s help\n", tercet, tercet)
}

func (s *Server) hostNames() []string {
	set := make(map[string]bool)
	for name := range s.Env.Router.Hosts() {
		set[name] = true
	}
	return missing(set, nil)
}
