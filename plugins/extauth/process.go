// SPDX-License-Identifier: Apache-2.0

package extauth

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
)

// How a process may fail.
var (
	errDied   = errors.New("the script has ended")
	errUnread = errors.New("the script does not read its questions")
	errLate   = errors.New("the script does not answer in time")
	errAstray = errors.New("the script is out of step")
	errClosed = errors.New("the scripts are being ended")
)

const (
	// lastWords is how long a script that closes its output has to end by
	// itself, so that the log can tell how it ended.
	lastWords = 200 * time.Millisecond
	// farewell is how long a script may take to end when its input is closed.
	farewell = 500 * time.Millisecond
)

// A process is one running script. One goroutine uses it, for one question at
// a time; after an error it must not be asked again.
type process struct {
	protocol
	stop   <-chan struct{} // closed when no answer is waited for any more
	cmd    *exec.Cmd
	stdin  *os.File
	stdout *os.File
	out    chan []byte   // what it writes; closed when it closes its output
	over   chan struct{} // closed by end
	waited chan struct{} // closed when it is no more
	relay  *relay
}

// launch starts a script in a process group of its own. The system kills it
// when the thread ends that calls launch.
func launch(argv []string, proto protocol, stop <-chan struct{}, log hclog.Logger) (*process, error) {
	var ends pipes
	stdin, questions := ends.open()
	answers, stdout := ends.open()
	words, stderr := ends.open()
	cmd := exec.CommandContext(context.Background(), argv[0], argv[1:]...) //nolint:gosec // what the admin has configured
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	cmd.Env = environment(os.Environ())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	err := ends.err
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		closeAll(ends.files...)
		return nil, fmt.Errorf("start the script: %w", err)
	}
	closeAll(stdin, stdout, stderr)
	p := &process{
		protocol: proto, stop: stop, cmd: cmd, stdin: questions, stdout: answers,
		out: make(chan []byte), over: make(chan struct{}), waited: make(chan struct{}),
		relay: &relay{log: log.With("pid", cmd.Process.Pid), in: words},
	}
	go p.read()
	go p.relay.run()
	return p, nil
}

// pipes opens some; err is what went wrong first.
type pipes struct {
	files []*os.File
	err   error
}

func (p *pipes) open() (r, w *os.File) {
	if p.err == nil {
		r, w, p.err = os.Pipe()
		p.files = append(p.files, r, w)
	}
	return r, w
}

func closeAll(files ...*os.File) {
	for _, f := range files {
		_ = f.Close() // a pipe; nothing is lost
	}
}

// environment is what a script gets to see: all but what is between the server
// and this program, and between systemd and the server.
func environment(env []string) (rest []string) {
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		switch {
		case strings.HasPrefix(name, "PLUGIN_"), strings.HasPrefix(name, "TERCET_PLUGIN"), strings.HasPrefix(name, "LISTEN_"):
		case name == "NOTIFY_SOCKET", name == "WATCHDOG_PID", name == "WATCHDOG_USEC":
		default:
			rest = append(rest, e)
		}
	}
	return rest
}

// read hands on what the script writes.
func (p *process) read() {
	defer close(p.out)
	for {
		b := make([]byte, 64)
		n, err := p.stdout.Read(b)
		if n > 0 {
			select {
			case p.out <- b[:n]:
			case <-p.over:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// ask puts a question. What the script has written before it was asked is no
// answer, and one that comes after the timeout meets nobody: the caller ends
// the process after each error.
func (p *process) ask(frame []byte, secret string, timeout time.Duration) (yes bool, err error) {
	select {
	case b, open := <-p.out:
		return false, unasked(b, open)
	default:
	}
	p.relay.hide(secret)
	deadline := time.Now().Add(timeout)
	if err := p.stdin.SetWriteDeadline(deadline); err != nil {
		return false, fmt.Errorf("%w: %w", errDied, err)
	}
	if _, err := p.stdin.Write(frame); errors.Is(err, os.ErrDeadlineExceeded) {
		return false, errUnread
	} else if err != nil {
		return false, errDied
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	var got []byte
	for {
		select {
		case b, open := <-p.out:
			if !open && len(got) > 0 {
				return false, fmt.Errorf("%w: it has ended within an answer", errAstray)
			}
			if !open {
				return false, errDied
			}
			got = append(got, b...)
			yes, whole, err := p.answer(got)
			if err != nil {
				return false, fmt.Errorf("%w: %w", errAstray, err)
			}
			if whole {
				return yes, nil
			}
		case <-p.stop:
			return false, errClosed
		case <-timer.C:
			if len(got) > 0 {
				return false, fmt.Errorf("%w: %d bytes came: %s", errLate, len(got), p.partial)
			}
			return false, errLate
		}
	}
}

// unasked is the error of what a script has done that nobody waited for.
func unasked(b []byte, open bool) error {
	if !open {
		return errDied
	}
	return fmt.Errorf("%w: it has written %d bytes that nobody asked for", errAstray, len(b))
}

// end kills the script and all that it has started. It tells how the script
// had ended by itself, if it had.
func (p *process) end(cause error) (state string) {
	close(p.over)
	go func() {
		_ = p.cmd.Wait() // ProcessState has it
		close(p.waited)
	}()
	closeAll(p.stdin)
	patience := time.Duration(0)
	switch {
	case errors.Is(cause, errDied):
		patience = lastWords
	case cause == nil:
		patience = farewell
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.waited:
		state = p.cmd.ProcessState.String()
	case <-timer.C:
		state = "killed"
	}
	// The group, for what the script has started; it is there as long as one
	// of its processes is.
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // or nobody is left
	closeAll(p.stdout)
	p.relay.finish()
	return state
}
