// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-plugin/runner"

	"tercet/modules/guest"
)

// grace is how long a process may take to end that was told so.
const grace = 2 * time.Second

// A child is one process, as go-plugin's runner: it leads a process group of
// its own, is waited for at once, and has of our files only its two pipes.
type child struct {
	cmd            *exec.Cmd
	output         *output
	stdout, stderr *os.File // our ends of the pipes
	sockets        string   // the folder of its socket

	pid    atomic.Int64  // 0: it has not been started
	doomed atomic.Bool   // it must not live, whenever it starts
	done   chan struct{} // closed when the process is gone
	state  error         // how it has ended; valid after done
}

var _ runner.Runner = (*child)(nil)

// newChild returns a process that has not been started.
func newChild(command []string, dir string, o *output) *child {
	c := &child{output: o, done: make(chan struct{})}
	c.cmd = exec.Command(command[0], command[1:]...) //nolint:gosec,noctx // the admin names it; it outlives the context of its start
	c.cmd.Dir = dir
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return c
}

// Start starts the process, and what waits for its end.
func (c *child) Start(context.Context) error {
	stdout, out, err := os.Pipe()
	if err != nil {
		return err
	}
	stderr, warn, err := os.Pipe()
	if err != nil {
		_, _ = stdout.Close(), out.Close()
		return err
	}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = nil, out, warn
	err = c.cmd.Start()
	_, _ = out.Close(), warn.Close() // they are the process's
	if err != nil {
		_, _ = stdout.Close(), stderr.Close()
		return err
	}
	c.stdout, c.stderr = stdout, stderr
	c.pid.Store(int64(c.cmd.Process.Pid))
	guest.Detach(c.reap)
	if c.doomed.Load() {
		c.kill()
	}
	return nil
}

// reap waits for the end of the process, and ends what it leaves behind.
func (c *child) reap() {
	c.state = c.cmd.Wait()
	_ = syscall.Kill(-int(c.pid.Load()), syscall.SIGKILL) // its group; mostly there is none left
	soon := time.Now().Add(grace / 4)
	for _, f := range [...]*os.File{c.stdout, c.stderr} {
		_ = f.SetReadDeadline(soon) // what else holds the pipe is not waited for
	}
	close(c.done)
}

// Wait waits for the end of the process. go-plugin calls it when it has read
// the pipes to their ends.
func (c *child) Wait(context.Context) error {
	<-c.done
	_, _ = c.stdout.Close(), c.stderr.Close()
	return c.state
}

// Kill ends the process: it is told to, and made to if it does not.
func (c *child) Kill(context.Context) error {
	c.signal(syscall.SIGTERM)
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-c.done:
	case <-t.C:
		c.kill()
	}
	return nil
}

// kill ends it at once.
func (c *child) kill() {
	c.doomed.Store(true)
	c.signal(syscall.SIGKILL)
}

// signal signals the process and all others of its group.
func (c *child) signal(s syscall.Signal) {
	select {
	case <-c.done: // the number may be another's by now
		return
	default:
	}
	if pid := c.pid.Load(); pid > 0 {
		_ = syscall.Kill(-int(pid), s)
	}
}

// soonEnded says how the process has ended, if it does so in the next moment;
// else "".
func (c *child) soonEnded() string {
	t := time.NewTimer(grace / 8)
	defer t.Stop()
	select {
	case <-c.done:
	case <-t.C:
		return ""
	}
	if c.state == nil {
		return "it has ended"
	}
	return fmt.Sprintf("it has ended: %v", c.state)
}

// resident is the memory of the process that is in RAM, in bytes; 0 where the
// system does not say.
func (c *child) resident() int64 {
	b, err := os.ReadFile("/proc/" + c.ID() + "/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64) // 0 where it is none
	return pages * int64(os.Getpagesize())
}

// Stdout is what it prints, at a bearable pace.
func (c *child) Stdout() io.ReadCloser { return &paced{c.stdout, c.output} }

// Stderr is what it says for the log.
func (c *child) Stderr() io.ReadCloser { return &paced{c.stderr, c.output} }

// Name is the program.
func (c *child) Name() string { return c.cmd.Path }

// ID is the number of the process; empty before it runs.
func (c *child) ID() string {
	pid := c.pid.Load()
	if pid == 0 {
		return ""
	}
	return strconv.FormatInt(pid, 10)
}

// Diagnose has nothing to add.
func (c *child) Diagnose(context.Context) string { return "" }

// PluginToHost leaves an address as it is.
func (c *child) PluginToHost(network, address string) (hostNet, hostAddr string, err error) {
	return network, address, nil
}

// HostToPlugin leaves an address as it is.
func (c *child) HostToPlugin(network, address string) (pluginNet, pluginAddr string, err error) {
	return network, address, nil
}
