// SPDX-License-Identifier: Apache-2.0

package external

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	"tercet/core/slot"
	"tercet/sdk/proto/accountpb"
)

var (
	// errPaused says that the plugin was started in vain a moment ago.
	errPaused = errors.New("the plugin is down, and will be started again")
	// errGone says that the config knows the program no more.
	errGone = errors.New("the plugin was ended by a change of the config")
)

const (
	// startTime is how long the plugin and the first script may take to start.
	startTime = 10 * time.Second
	// Between two starts in vain lies a pause, which doubles.
	firstPause = 250 * time.Millisecond
	lastPause  = 30 * time.Second
	// The plugin is asked from time to time how it is, and has so long to
	// answer: that needs no script.
	tendEvery  = 10 * time.Second
	answerTime = 5 * time.Second
)

// settings are what hosts have in common that share a program.
type settings struct {
	pool, command, protocol string
	processes               int
	timeout                 time.Duration
}

// programs are those of a server. They outlive a reload that leaves their
// settings as they are.
type programs struct {
	mu  sync.Mutex // guards all, and the users in it
	all map[settings]*program
}

var perServer = slot.New[programs]("auth_external")

// join returns the program with these settings, which is not started yet if
// nobody had it.
func (ps *programs) join(set settings, argv []string, log *slog.Logger) *program {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	pr := ps.all[set]
	if pr == nil {
		pr = &program{settings: set, argv: argv, log: log, turn: make(chan struct{}, 1), gone: make(chan struct{})}
		if ps.all == nil {
			ps.all = make(map[settings]*program)
		}
		ps.all[set] = pr
	}
	pr.users++
	return pr
}

// leave ends a program that nobody has any more.
func (ps *programs) leave(ctx context.Context, pr *program) {
	ps.mu.Lock()
	pr.users--
	last := pr.users == 0
	if last {
		delete(ps.all, pr.settings)
	}
	ps.mu.Unlock()
	if last {
		close(pr.gone)
		pr.turn <- struct{}{} // forever: it does not start any more
		pr.kill(ctx)
	}
}

// A program is a plugin process with its scripts.
type program struct {
	settings
	argv  []string
	log   *slog.Logger
	users int // guarded by programs.mu

	waiting atomic.Int64 // questions that are asked now
	live    atomic.Pointer[running]
	gone    chan struct{} // closed when nobody has it any more

	turn   chan struct{} // holds a token while it is started or ended; guards what follows
	pause  time.Duration
	next   time.Time // it is not started before
	tended time.Time
}

// running is a plugin process.
type running struct {
	process  *os.Process
	client   *plugin.Client
	conn     plugin.ClientProtocol
	account  accountpb.AccountClient
	health   grpc_health_v1.HealthClient
	lifeline *os.File // the plugin ends when this does
}

// account returns the service, and starts the plugin if it is not running.
func (pr *program) account(ctx context.Context) (accountpb.AccountClient, error) {
	if r := pr.live.Load(); r != nil && !r.client.Exited() {
		return r.account, nil
	}
	select {
	case pr.turn <- struct{}{}:
	case <-pr.gone:
		return nil, errGone
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the plugin: %w", context.Cause(ctx))
	}
	defer func() { <-pr.turn }()
	if r := pr.live.Load(); r != nil && !r.client.Exited() {
		return r.account, nil
	}
	if time.Now().Before(pr.next) {
		return nil, errPaused
	}
	pr.kill(ctx)
	r, err := pr.start(ctx)
	if err != nil {
		pr.pause = min(max(2*pr.pause, firstPause), lastPause)
		pr.next = time.Now().Add(pr.pause)
		pr.log.ErrorContext(ctx, "the plugin that asks the external program does not start", "err", err)
		return nil, err
	}
	// Also after a start that went well, against one that ends at once.
	pr.pause = firstPause
	pr.next = time.Now().Add(pr.pause)
	pr.tended = time.Now()
	pr.live.Store(r)
	return r.account, nil
}

// start starts this program again, as a plugin: the server is one binary.
func (pr *program) start(ctx context.Context) (r *running, err error) {
	life, line, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start the plugin: %w", err)
	}
	defer func() {
		_ = life.Close() // the plugin has its own
		if err != nil {
			_ = line.Close() // so that it ends
		}
	}()
	// What runs, also if the file has been replaced meanwhile.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "/proc/self/exe", "plugin", "extauth")
	cmd.Args[0] = os.Args[0]
	cmd.ExtraFiles = []*os.File{life}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // ^C is for the server
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion: accountpb.Version, MagicCookieKey: accountpb.CookieKey, MagicCookieValue: accountpb.CookieValue,
		},
		Plugins:          plugin.PluginSet{accountpb.PluginName: dispenser{}},
		Cmd:              cmd,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		StartTimeout:     startTime,
		Logger:           logger(pr.log),
	})
	defer func() {
		if err != nil {
			client.Kill()
		}
	}()
	conn, err := client.Client()
	if err != nil {
		return nil, fmt.Errorf("start the plugin: %w", err)
	}
	raw, err := conn.Dispense(accountpb.PluginName)
	if err != nil {
		return nil, fmt.Errorf("start the plugin: %w", err)
	}
	to := raw.(*grpc.ClientConn) //nolint:forcetypeassert // dispenser makes it
	account := accountpb.NewAccountClient(to)
	options, err := json.Marshal(map[string]any{
		"command": pr.argv, "protocol": pr.protocol, "processes": pr.processes, "timeout_ms": pr.timeout.Milliseconds(),
	})
	if err != nil {
		return nil, fmt.Errorf("start the plugin: %w", err)
	}
	if _, err := account.Load(ctx, &accountpb.Options{Json: options}); err != nil {
		return nil, fmt.Errorf("start the program: %w", err)
	}
	pr.log.InfoContext(ctx, "the plugin that asks the external program is running", "program", pr.argv[0], "protocol", pr.protocol)
	return &running{cmd.Process, client, conn, account, grpc_health_v1.NewHealthClient(to), line}, nil
}

// answers reports whether the plugin does, which takes no script.
func (r *running) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	_, err := r.health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: plugin.GRPCServiceName})
	return err == nil
}

// kill ends the plugin that is running, if there is one. go-plugin asks it to
// end, and would wait without end for one that does not answer.
func (pr *program) kill(ctx context.Context) {
	r := pr.live.Swap(nil)
	if r == nil {
		return
	}
	if !r.client.Exited() && r.answers(context.WithoutCancel(ctx)) {
		r.client.Kill()
	} else {
		_ = r.process.Kill() // or it has ended
		_ = r.conn.Close()   // there is nobody to tell it
	}
	_ = r.lifeline.Close() // a pipe
}

// tend starts the plugin if it is not running, and now and then sees whether
// one that runs does answer.
func (pr *program) tend(ctx context.Context) {
	r := pr.live.Load()
	if r == nil || r.client.Exited() {
		_, _ = pr.account(ctx) // it logs why not
		return
	}
	select {
	case pr.turn <- struct{}{}:
	default:
		return // somebody else is at it
	}
	defer func() { <-pr.turn }()
	if pr.live.Load() != r || time.Since(pr.tended) < tendEvery {
		return
	}
	pr.tended = time.Now()
	if !r.answers(ctx) && ctx.Err() == nil {
		pr.log.ErrorContext(ctx, "the plugin that asks the external program does not answer: it is killed")
		_ = r.process.Kill() // or it has ended
		pr.kill(ctx)
	}
}

// dispenser hands out the connection to the plugin.
type dispenser struct{ plugin.NetRPCUnsupportedPlugin }

// GRPCServer implements plugin.GRPCPlugin; the server is in the plugin.
func (dispenser) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error {
	return errors.New("this is the client")
}

// GRPCClient implements plugin.GRPCPlugin.
func (dispenser) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return c, nil
}

// oneLine is a text of the plugin for an error.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// parallel is how many questions the scripts work on at the same time.
func (pr *program) parallel() int {
	if pr.processes > 0 {
		return pr.processes
	}
	return runtime.GOMAXPROCS(0)
}
