// SPDX-License-Identifier: Apache-2.0

// Gotest runs go test with its own arguments and prints go test's lines: the
// results of packages, the output of what failed, and at the end a list of
// all that was skipped, with the reasons. It fails when go test fails, when
// no test ran, and, if CI is "true", when a test was skipped. In CI, and with
// -v, the result of each test is printed too.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, os.Args[1:], os.Getenv("CI") == "true")
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, args []string, ci bool) error {
	//nolint:gosec // G204: the arguments are the caller's own
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	// An interrupted go test waits for its tests, which may wait for servers.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	events, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("pipe from go test: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start go test: %w", err)
	}
	r := newReport(w, ci || slices.Contains(args, "-v"))
	in := bufio.NewReaderSize(events, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			r.line(line)
		}
		if err != nil {
			break
		}
	}
	failed := cmd.Wait()
	r.summary()
	if failed != nil {
		return fmt.Errorf("go test: %w", failed)
	}
	return r.verdict(ci)
}
