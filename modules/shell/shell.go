// SPDX-License-Identifier: Apache-2.0

// Package shell is the server's end of the control tool: a unix socket on which
// the program itself, called again with a command, is answered. The commands
// are an extension point.
package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"time"

	"tercet/config"
	"tercet/core/control"
	"tercet/core/listen"
	"tercet/core/module"
)

// Module is the control socket. Prosody splits it into admin_shell and
// admin_socket.
var Module = module.Define("shell", module.OnServer, options{Socket: control.DefaultSocket}, load).
	Named("admin_shell", "admin_socket").Auto()

type options struct {
	Socket string `lua:"admin_socket" doc:"The control socket: a path, relative to data_path."`
}

// maxPath is what the kernel takes as the path of a unix socket, in bytes.
const maxPath = 107

// Check says what tags cannot.
func (o *options) Check(c *config.Check) {
	if o.Socket == "" {
		c.At("admin_socket").Errorf(`want a path; to have no control socket, put "shell" in modules_disabled`)
	}
	if len(o.Socket) > maxPath {
		c.At("admin_socket").Errorf("a path of more than %d bytes is no socket", maxPath)
	}
}

// shell is the module on the server.
type shell struct {
	env   *module.Env
	scope *module.Scope
}

func load(s *module.Scope, o options) error {
	m := &shell{s.Env, s}
	m.attach(s)
	path := o.Socket
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.Env.DataDir, path)
	}
	if len(path) > maxPath {
		s.Log.WarnContext(s.Context(), "no control socket: its path is too long; set admin_socket to a shorter one", "path", path, "most", maxPath)
		return nil
	}
	spec := listen.Spec{Service: "shell", Network: "unix", Address: path, TLS: "none", Private: true, Mode: 0o600}
	return s.Env.Listeners.Listen(s.Scope, spec, m.serve)
}

// serve answers the request of one connection.
func (m *shell) serve(ctx context.Context, c net.Conn, _ listen.Info) {
	w := control.NewWriter(c)
	keep := false
	defer func() {
		if !keep {
			_ = c.Close() // the answer is out or cannot be
		}
	}()
	uid, ok, err := control.Trusted(c)
	if err != nil || !ok {
		m.scope.Log.WarnContext(ctx, "control client refused", "uid", uid, "err", err)
		m.fail(w, fmt.Sprintf("user %d may not control this server", uid), control.Failed)
		return
	}
	r, err := control.Read(c)
	if err != nil {
		m.fail(w, err.Error(), control.Usage)
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m.watch(ctx, cancel, c)
	m.scope.Log.DebugContext(ctx, "command", "command", firstWord(r.Args), "uid", uid)
	call := &Call{Env: m.env, input: r.Input, version: r.Version, out: output{w: w, json: r.JSON}}
	code := m.run(ctx, call, r.Args)
	call.Flush()
	if call.ending && code == control.OK {
		keep = true
		m.env.Control.AtEnd(func() { _ = c.Close() }) // the client waits for it
	}
	_ = w.Exit(code) // a client that is gone does not want it
}

// watch ends the context when the client closes the connection.
func (m *shell) watch(ctx context.Context, cancel context.CancelFunc, c net.Conn) {
	stop := context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) }) // wakes the reader below
	m.scope.Go(func(context.Context) {
		defer stop()
		defer cancel()
		_, _ = io.Copy(io.Discard, c) // nothing more is expected
	})
}

func (m *shell) fail(w *control.Writer, text string, code int) {
	_ = w.Write(control.Reply{Err: text + "\n"}) // nobody to tell
	_ = w.Exit(code)
}

// run does a command and tells what has come of it.
func (m *shell) run(ctx context.Context, call *Call, args []string) int {
	err := m.dispatch(ctx, call, args)
	call.Flush()
	var ask *askError
	switch {
	case err == nil:
		return control.OK
	case errors.As(err, &ask):
		_ = call.out.w.Write(control.Reply{Ask: &ask.Ask}) // the client is gone otherwise
		return control.Failed
	}
	code := control.Failed
	if _, ok := errors.AsType[*UsageError](err); ok {
		code = control.Usage
	}
	if call.out.json {
		if call.Result(map[string]string{"error": err.Error()}) == nil {
			return code
		}
	}
	_ = call.out.w.Write(control.Reply{Err: err.Error() + "\n"}) // as above
	return code
}
