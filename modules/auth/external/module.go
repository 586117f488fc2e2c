// SPDX-License-Identifier: Apache-2.0

// Package external asks an external program about the accounts of a host: the
// credential provider external. Between the server and the program stands a
// process of its own, plugins/extauth, which speaks ejabberd's extauth protocol
// or Prosody's.
package external

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"tercet/config"
	"tercet/core/auth"
	"tercet/core/metric"
	"tercet/core/module"
)

// Module asks an external program.
var Module = module.Define("auth_external", module.OnHost, defaults, load).
	Named("auth_external_insecure", "auth_extauth")

type options struct {
	Command   command       `lua:"external_auth_command" type:"string or list of strings" doc:"Program to ask, and its arguments: a text that is split as a shell would, or a list."`
	Program   command       `lua:"extauth_program" type:"string or list of strings" doc:"The same under ejabberd's name; the protocol is ejabberd's then."`
	Protocol  string        `lua:"external_auth_protocol" enum:"generic|ejabberd" doc:"Protocol of the program. With extauth_program it is ejabberd unless it is given."`
	Processes int           `lua:"external_auth_processes,extauth_pool_size" min:"0" max:"1000" doc:"Processes of the program; each works on one question at a time. 0: as many as there are processor cores."`
	Pool      string        `lua:"external_auth_pool,extauth_pool_name" doc:"Hosts that give the same word, and the same options, share the processes; without one a host has its own."`
	Timeout   time.Duration `lua:"external_auth_timeout" min:"100ms" max:"5m" doc:"Time that the program has for an answer; then it is killed and started again. A question waits at most as long for a process that is free."`
	Waiting   int           `lua:"external_auth_max_waiting" min:"0" max:"100000" doc:"Questions that may wait for a process that is free; others fail at once."`
	Cache     time.Duration `lua:"extauth_cache" min:"0" max:"1h" doc:"Time for which it is remembered whether an account exists; 0: not at all. Passwords are asked for each time."`
}

var defaults = options{Protocol: generic, Timeout: 5 * time.Second, Waiting: 100, Cache: 30 * time.Second}

const (
	generic  = "generic"
	ejabberd = "ejabberd"
)

// Check says what tags cannot.
func (o *options) Check(c *config.Check) {
	switch {
	case len(o.Command) > 0 && len(o.Program) > 0:
		c.At("extauth_program").Errorf("external_auth_command is given, too: which of them is it?")
	case len(o.Command) == 0 && len(o.Program) == 0:
		if c.Has("external_auth_command") || c.Has("extauth_program") {
			return // what is wrong with it has been said
		}
		c.At("external_auth_command").Errorf("there is no program to ask")
	case len(o.Program) > 0:
		o.Command = o.Program
		if !c.Has("external_auth_protocol") {
			o.Protocol = ejabberd
		}
	}
}

// lookEvery is how often it is looked whether the plugin has to be started
// again; a question does that, too.
const lookEvery = time.Second

func load(s *module.Scope, o options) error {
	argv, err := found(o.Command)
	if err != nil {
		return err
	}
	pool := o.Pool
	if pool == "" {
		pool = "host " + s.Host.Name
	}
	pr := perServer.Of(s.Env).join(settings{pool, joined(argv), o.Protocol, o.Processes, o.Timeout}, argv, s.Log)
	s.Defer(func() error {
		perServer.Of(s.Env).leave(context.WithoutCancel(s.Context()), pr)
		return nil
	})
	ctx, cancel := context.WithTimeout(s.Context(), startTime)
	defer cancel()
	if _, err := pr.account(ctx); err != nil {
		return fmt.Errorf("start the program that knows the accounts of %s: %w", s.Host.Name, err)
	}
	answers := func(kind string) *metric.Counter {
		return s.Env.Metrics.Counter("auth_external_answers", "Answers of the external program that knows the accounts.",
			metric.Label{Name: "host", Value: s.Host.Name}, metric.Label{Name: "answer", Value: kind})
	}
	p := &provider{
		program: pr, host: s.Host.Name, room: o.Waiting, known: newMemory(o.Cache),
		yes: answers("yes"), no: answers("no"), failed: answers("none"),
	}
	auth.Accounts.Offer(s, p)
	s.Every(lookEvery, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, startTime)
		defer cancel()
		pr.tend(ctx)
	})
	return nil
}

// found is the command with the whole path of its program.
func found(c command) ([]string, error) {
	file, err := exec.LookPath(c[0])
	if err == nil {
		file, err = filepath.Abs(file)
	}
	if err != nil {
		return nil, fmt.Errorf("external_auth_command: %w", err)
	}
	argv := slices.Clone(c)
	argv[0] = file
	return argv, nil
}
