// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"tercet/config"
	"tercet/core/control"
)

// dialTime is how long a server may take to accept the connection.
const dialTime = 5 * time.Second

// errNoServer says that nothing listens on the control socket.
var errNoServer = errors.New("no server is running")

// socketPath finds the control socket: as --socket says, else as the config
// does.
func (p *program) socketPath() (string, error) {
	if p.socket != "" {
		return p.socket, nil
	}
	c, _, err := p.loadConfig(false)
	if err != nil {
		return "", fmt.Errorf("%w\n(the control socket is named by the config; to reach a running server nevertheless, give --socket FILE)", err)
	}
	path := control.DefaultSocket
	if v, ok := c.Lookup("", "admin_socket"); ok && v.Kind() == config.String {
		path = v.Str()
	}
	if filepath.IsAbs(path) {
		return path, nil
	}
	dir, err := dataPath(c, dataPathOf(c))
	return filepath.Join(dir, path), err
}

// dial connects to the server.
func (p *program) dial(ctx context.Context) (net.Conn, error) {
	path, err := p.socketPath()
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: dialTime}
	c, err := d.DialContext(ctx, "unix", path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("%w: nothing listens on %s; start it by: tercet run", errNoServer, path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%s: permission denied: call tercet as root or as the user that the server runs as", path)
	case err != nil:
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return c, nil
}

// forward has the server do a command.
func (p *program) forward(ctx context.Context, args []string) int {
	ctx, stop := signal.NotifyContext(ctx, unix.SIGINT, unix.SIGTERM)
	defer stop()
	r := control.Request{Args: args, JSON: p.json}
	if p.fromStdin {
		line, err := readSecret(p.in)
		if err != nil {
			return p.fail("--password-stdin: " + err.Error())
		}
		r.Input = &line
	}
	for {
		ask, code, err := p.request(ctx, r)
		switch {
		case errors.Is(err, errNoServer) && !knownCommand(args):
			return p.usage("%s\n%v", p.unknownCommand(args), err)
		case err != nil:
			return p.fail(err.Error())
		case ask == nil:
			return code
		}
		input, err := p.ask(*ask)
		if err != nil {
			return p.fail(err.Error())
		}
		r.Input = &input
	}
}

// request makes one request and prints the replies.
func (p *program) request(ctx context.Context, r control.Request) (ask *control.Ask, code int, err error) {
	c, err := p.dial(ctx)
	if err != nil {
		return nil, control.Failed, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })() // an interrupt: the server sees it and stops
	out := &printer{p: p, file: receiver{args: r.Args}}
	code, err = control.Do(c, r, func(reply control.Reply) error {
		if reply.Ask != nil {
			ask = reply.Ask
		}
		return out.print(reply)
	})
	out.clear()
	if failed := out.file.close(err == nil && code == control.OK && ctx.Err() == nil); err == nil {
		err = failed
	}
	if ctx.Err() != nil {
		return nil, 128 + int(unix.SIGINT), nil
	}
	return ask, code, err
}

// A printer shows replies, and progress on a terminal.
type printer struct {
	p       *program
	showing bool
	file    receiver
}

func (o *printer) print(r control.Reply) error {
	o.clear()
	var err error
	switch {
	case r.Out != "":
		_, err = io.WriteString(o.p.out, r.Out)
	case r.Err != "":
		_, err = io.WriteString(o.p.err, r.Err)
	case r.Result != nil:
		_, err = fmt.Fprintf(o.p.out, "%s\n", r.Result)
	case r.File != nil:
		return o.file.take(*r.File)
	case r.Progress != nil:
		o.progress(*r.Progress)
	}
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func (o *printer) progress(g control.Progress) {
	f, ok := o.p.err.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return
	}
	text := fmt.Sprintf("%s: %d", g.Text, g.Done)
	if g.Total > 0 {
		text += fmt.Sprintf(" of %d (%d %%)", g.Total, 100*g.Done/g.Total)
	}
	fmt.Fprintf(o.p.err, "\r%s\x1b[K", text)
	o.showing = true
}

func (o *printer) clear() {
	if o.showing {
		fmt.Fprint(o.p.err, "\r\x1b[K")
		o.showing = false
	}
}

// ask reads what a command wants to know, from the terminal.
func (p *program) ask(a control.Ask) (string, error) {
	fd := int(p.in.Fd())
	if !term.IsTerminal(fd) {
		return "", errors.New("a password is needed: call tercet in a terminal, or give --password-stdin")
	}
	first, err := p.prompt(fd, a.Prompt)
	if err != nil || !a.Twice {
		return first, err
	}
	second, err := p.prompt(fd, "The same again")
	if err == nil && first != second {
		err = errors.New("these are two passwords; nothing has changed")
	}
	return first, err
}

func (p *program) prompt(fd int, text string) (string, error) {
	fmt.Fprintf(p.err, "%s: ", text)
	b, err := term.ReadPassword(fd)
	fmt.Fprintln(p.err)
	if err != nil {
		return "", fmt.Errorf("read a password: %w", err)
	}
	return string(b), nil
}

// readSecret reads the first line of a file.
func readSecret(f io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(f, control.MaxRequest/2)).ReadString('\n')
	if err != nil && (!errors.Is(err, io.EOF) || line == "") {
		return "", fmt.Errorf("nothing to read: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// query has the server do a command whose result a program reads.
func (p *program) query(ctx context.Context, result any, args ...string) error {
	c, err := p.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	var text string
	code, err := control.Do(c, control.Request{Args: args, JSON: true}, func(r control.Reply) error {
		text += r.Err
		if r.Result == nil {
			return nil
		}
		return json.Unmarshal(r.Result, result)
	})
	if err == nil && code != control.OK {
		err = errors.New(strings.TrimSpace(text))
	}
	return err
}
