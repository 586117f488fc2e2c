// SPDX-License-Identifier: Apache-2.0

// Package core is the server: it holds hosts, listeners and modules together,
// starts and stops them in order, and is the program's command line.
package core

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tercet/config"
	"tercet/core/ext"
	"tercet/core/lane"
	"tercet/core/listen"
	"tercet/core/logging"
	"tercet/core/memory"
	"tercet/core/metric"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/stream"
	"tercet/core/tlspolicy"
)

// A Build is what a program is made of.
type Build struct {
	Version string
	Modules []module.Definition
	// Load runs a config file.
	Load func(file string) (*config.Config, error)
	// Default is the config that the first start writes.
	Default []byte
	// Commands are those of the command line that the core does not have.
	Commands []Command
}

// A Server is a running server.
type Server struct {
	Env *module.Env

	build    Build
	options  options
	lock     *dirLock
	cancel   context.CancelFunc
	reload   sync.Mutex // one reload at a time
	stopping sync.Once
	stopped  chan struct{}
	reason   string

	mu    sync.Mutex // guards what follows
	atEnd []func()
	ended bool
}

// Start opens what the config asks for and loads its modules. It returns the
// config's problems; with an error nothing is left open.
func Start(ctx context.Context, b Build, c *config.Config) (_ *Server, problems []config.Problem, err error) {
	s := &Server{build: b, options: defaults, stopped: make(chan struct{})}
	problems = examine(b, c, &s.options)
	if config.Failed(problems) {
		return nil, problems, module.ErrConfig
	}
	dir, err := dataDir(c, s.options.DataPath)
	if err != nil {
		return nil, problems, err
	}
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			s.cancel()
			s.lock.release()
		}
	}()
	problems = append(problems, examineDir(c, dir)...)
	fresh := isNew(dir)
	if s.lock, err = lockDir(dir); err != nil {
		return nil, problems, err
	}
	logger, more := logging.Open(c, logging.Options{Dir: dir})
	problems = append(problems, more...)
	log := logger.Slog()
	tls, more := tlspolicy.Load(c, tlspolicy.Options{DataDir: dir, Log: log})
	problems = append(problems, more...)
	if config.Failed(problems) {
		return nil, problems, errors.Join(module.ErrConfig, logger.Close())
	}
	if fresh {
		firstCertificates(ctx, c, dir, tls, log)
	}
	s.Env = s.newEnv(ctx, dir, logger, log, tls)
	plan, err := s.Env.Manager.Apply(ctx, c)
	if err != nil {
		s.Env.Manager.Close(ctx)
		return nil, problems, errors.Join(err, s.Env.Storage.Close(), logger.Close())
	}
	go memory.GiveBack(ctx) // until the server ends
	log.InfoContext(ctx, "started", "version", b.Version, "hosts", len(plan.HostsAdded))
	return s, problems, nil
}

func (s *Server) newEnv(ctx context.Context, dir string, logger *logging.Logger, log *slog.Logger, tls *tlspolicy.Policy) *module.Env {
	metrics := metric.New()
	onPanic := func(scope string, v any, stack []byte) {
		log.ErrorContext(ctx, "panic in a module", "module", scope, "err", fmt.Sprint(v), "stack", string(stack))
	}
	ext.OnPanic(onPanic)
	activated, err := listen.Inherited()
	if err != nil {
		log.WarnContext(ctx, "sockets of the service manager not taken", "err", err)
	}
	env := &module.Env{
		Router:  route.NewRouter(log),
		Metrics: metrics, Logger: logger, Log: log, DataDir: dir, Version: s.build.Version, Started: time.Now(),
		Storage: new(module.Stores), Streams: stream.NewGroup(ctx), TLS: tls, Control: s,
		Listeners: listen.NewRegistry(listen.RegistryOptions{
			Activated: activated, Log: log, Metrics: metrics, OnPanic: onPanic, AcceptRetry: s.options.Network.AcceptRetry,
		}),
	}
	env.Manager = module.NewManager(env, module.NewCatalogue(s.build.Modules))
	env.Streams.OnPanic = env.Manager.Blame
	lane.OnPanic(func(v any, stack []byte) {
		onPanic("lane", v, stack)
		env.Manager.Blame(stack)
	})
	return env
}

// Reload reads the config file again and brings the server to it. With an
// error nothing has changed.
func (s *Server) Reload(ctx context.Context) (module.Plan, error) {
	s.reload.Lock()
	defer s.reload.Unlock()
	notifyReloading(ctx)
	defer notify(ctx, "READY=1")
	c, err := s.build.Load(s.Env.Config().File)
	if err != nil {
		return module.Plan{}, err
	}
	return s.Use(ctx, c)
}

// Preview reads the config file again and tells what a Reload would change, as
// far as the config says it. It changes nothing.
func (s *Server) Preview() (module.Plan, error) {
	s.reload.Lock()
	defer s.reload.Unlock()
	c, err := s.build.Load(s.Env.Config().File)
	if err != nil {
		return module.Plan{}, err
	}
	problems, err := s.foresee(c)
	if err != nil {
		return module.Plan{Problems: problems}, err
	}
	plan, err := s.Env.Manager.Preview(c)
	plan.Problems = config.Sort(append(problems, plan.Problems...)) // both tell of some
	return plan, err
}

// foresee reports what can be said of a config beside the running server.
func (s *Server) foresee(c *config.Config) ([]config.Problem, error) {
	problems := Check(s.build, c)
	if config.Failed(problems) {
		return problems, module.ErrConfig
	}
	if dir, err := dataPath(c, dataPathOf(c)); err != nil || dir != s.Env.DataDir {
		v, _ := c.Lookup("", "data_path")
		problems = append(problems, config.Problem{Pos: v.Pos, Text: "data_path: a change of it waits for the next start; until then it is " + s.Env.DataDir})
	}
	return problems, nil
}

// Use brings the server to a config. With an error nothing has changed.
func (s *Server) Use(ctx context.Context, c *config.Config) (module.Plan, error) {
	problems, err := s.foresee(c)
	if err != nil {
		return module.Plan{Problems: problems}, err
	}
	before := s.addresses()
	plan, err := s.Env.Manager.Apply(ctx, c)
	plan.Problems = config.Sort(append(problems, plan.Problems...)) // both tell of some
	if err != nil {
		return plan, err
	}
	_, more := s.Env.TLS.Update(c)
	plan.Problems = append(plan.Problems, more...)
	plan.Problems = append(plan.Problems, s.Env.Logger.Apply(c)...)
	after := s.addresses()
	plan.ListenersOpened, plan.ListenersClosed = missing(after, before), missing(before, after)
	if err := s.Env.Logger.Reopen(); err != nil {
		plan.Problems = append(plan.Problems, config.Problem{Pos: c.Global.Pos, Text: "log: " + err.Error()})
	}
	plan.Problems = config.Sort(plan.Problems)
	p := s.Env.Router.Table.Enter()
	defer p.Leave()
	module.Reloaded.Fire(ctx, p, &module.ReloadEvent{Config: c})
	return plan, nil
}

// addresses are those that are served. A socket whose module is on its way out
// accepts nothing more.
func (s *Server) addresses() map[string]bool {
	all := make(map[string]bool)
	for _, l := range s.Env.Listeners.List() {
		if !l.Accepting {
			continue
		}
		all[l.Service+" "+l.Address] = true
	}
	return all
}

// Stop ends the server in order and does not wait; Wait does.
func (s *Server) Stop(reason string) {
	s.stopping.Do(func() {
		s.reason = reason
		go s.shutdown()
	})
}

// Wait waits until the server has ended and returns why.
func (s *Server) Wait() string {
	<-s.stopped
	return s.reason
}

// AtEnd has fn run when the server has ended.
func (s *Server) AtEnd(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		fn()
		return
	}
	s.atEnd = append(s.atEnd, fn)
}

// Done is closed when the server has ended.
func (s *Server) Done() <-chan struct{} { return s.stopped }

// shutdown accepts nothing more, ends the streams while the modules are there
// to see the sessions close, and then closes the modules.
func (s *Server) shutdown() {
	defer close(s.stopped)
	ctx := context.Background()
	log := s.Env.Log
	log.InfoContext(ctx, "stopping", "reason", s.reason)
	notify(ctx, "STOPPING=1")
	s.Env.Listeners.StopAccepting()
	drain, cancel := context.WithTimeout(ctx, s.options.Network.Shutdown)
	err := s.Env.Streams.Stop(drain, stream.Fail(stream.SystemShutdown, s.reason))
	cancel()
	if err != nil {
		log.WarnContext(ctx, "not all streams ended in time", "err", err)
	}
	s.Env.Manager.Close(ctx)
	if err := s.Env.Storage.Close(); err != nil {
		log.ErrorContext(ctx, "storage not closed", "err", err)
	}
	s.cancel()
	log.InfoContext(ctx, "stopped")
	_ = s.Env.Logger.Close() // there is nowhere left to say so
	s.lock.release()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for _, fn := range s.atEnd {
		fn()
	}
}
