// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"tercet/config"
	"tercet/core/module"
)

// The exit codes of the program.
const (
	exitOK = iota
	exitFailed
	exitUsage
)

// Main is the program: it runs a command and returns the exit code.
func Main(b Build, args []string) int {
	p := &program{Build: b, out: os.Stdout, err: os.Stderr, in: os.Stdin}
	return p.run(context.Background(), args)
}

// serve runs the server in the foreground until it is told to stop.
func (p *program) serve(ctx context.Context) int {
	c, fresh, err := p.loadConfig(true)
	if err != nil {
		fmt.Fprintln(p.err, err)
		return exitFailed
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer signal.Stop(signals)
	s, problems, err := Start(ctx, p.Build, c)
	p.print(append(c.Problems, problems...))
	if err != nil {
		fmt.Fprintf(p.err, "tercet does not start: %v\n", err)
		return exitFailed
	}
	remove := s.writePid(ctx)
	defer remove()
	p.greet(s, fresh)
	notify(ctx, "READY=1")
	for {
		select {
		case sig := <-signals:
			if sig == unix.SIGHUP {
				s.hangup(ctx)
				continue
			}
			notify(ctx, "STOPPING=1")
			s.Stop("the server is stopped by " + sig.String())
		case <-s.Done():
			return exitOK
		}
	}
}

// hangup is SIGHUP: the config is read again and log files are opened anew.
func (s *Server) hangup(ctx context.Context) {
	notify(ctx, "RELOADING=1")
	defer notify(ctx, "READY=1")
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

// writePid writes the pidfile. That it cannot is no reason not to serve.
func (s *Server) writePid(ctx context.Context) (remove func()) {
	name := s.options.PidFile
	if name == "" {
		return func() {}
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(s.Env.DataDir, name)
	}
	if err := os.WriteFile(name, fmt.Appendf(nil, "%d\n", os.Getpid()), 0o644); err != nil { //nolint:gosec // others read a pidfile
		s.Env.Log.WarnContext(ctx, "pidfile not written", "err", err)
		return func() {}
	}
	return func() { _ = os.Remove(name) } // a stale one does no harm
}

// ErrNoConfig says that there is no config file.
var ErrNoConfig = errors.New("no config file: give --config FILE, or set TERCET_CONFIG")

// configPath finds the config as the README says.
func (p *program) configPath() (string, error) {
	if p.config != "" {
		return p.config, nil
	}
	if file := os.Getenv("TERCET_CONFIG"); file != "" {
		return file, nil
	}
	for _, file := range [...]string{"tercet.cfg.lua", "/etc/tercet/tercet.cfg.lua"} {
		if _, err := os.Stat(file); err == nil {
			return file, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("config: %w", err)
		}
	}
	return "", ErrNoConfig
}

// loadConfig runs the config file. With create, the first start in an empty
// place writes a config.
func (p *program) loadConfig(create bool) (c *config.Config, fresh bool, err error) {
	file, err := p.configPath()
	if errors.Is(err, ErrNoConfig) && create {
		file, fresh = "tercet.cfg.lua", true
		if err := os.WriteFile(file, p.Default, fileMode); err != nil { //nolint:gosec // 0640 is meant
			return nil, false, fmt.Errorf("write a first config: %w", err)
		}
	} else if err != nil {
		return nil, false, err
	}
	c, err = p.Load(file)
	return c, fresh, err
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
	for _, l := range s.Env.Listeners.List() {
		fmt.Fprintf(p.out, "  listening  %s %s (%s)\n", l.Service, l.Address, l.TLS)
	}
	if len(hosts) > 0 {
		fmt.Fprintf(p.out, "  add a user:      tercet adduser romeo@%s\n", hosts[0])
		fmt.Fprintf(p.out, "  connect a client as romeo@%s, server %s; its certificate is shown by: tercet cert\n", hosts[0], hosts[0])
	}
}

func (s *Server) hostNames() []string {
	set := make(map[string]bool)
	for name := range s.Env.Router.Hosts() {
		set[name] = true
	}
	return missing(set, nil)
}

// checkConfig reports all problems of the config and changes nothing.
func (p *program) checkConfig() int {
	c, _, err := p.loadConfig(false)
	if err != nil {
		fmt.Fprintln(p.err, err)
		return exitFailed
	}
	problems := Check(p.Build, c)
	p.print(problems)
	if config.Failed(problems) {
		return exitFailed
	}
	fmt.Fprintf(p.out, "%s: %d hosts, no errors, %d warnings\n", c.File, len(c.Hosts), len(problems))
	return exitOK
}

// Check returns all problems of a config.
func Check(b Build, c *config.Config) []config.Problem {
	o := defaults
	problems := append(c.Problems, config.Decode(c, "", &o)...)
	return append(problems, module.Check(module.NewCatalogue(b.Modules), c)...)
}
