// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
)

// program is one call of the command line.
type program struct {
	Build
	in       *os.File
	out, err io.Writer
	config   string
}

func (p *program) run(ctx context.Context, args []string) int {
	for len(args) > 1 && args[0] == "--config" {
		p.config, args = args[1], args[2:]
	}
	if len(args) == 0 {
		fmt.Fprintln(p.err, "usage: tercet [--config FILE] run | check | version")
		return exitUsage
	}
	switch args[0] {
	case "run":
		return p.serve(ctx)
	case "check":
		return p.checkConfig()
	case "version":
		fmt.Fprintln(p.out, p.Version)
		return exitOK
	}
	fmt.Fprintf(p.err, "unknown command %q\n", args[0])
	return exitUsage
}

// notify tells the service manager (sd_notify(3)); without one it does
// nothing.
func notify(ctx context.Context, state string) {
	addr := os.Getenv("NOTIFY_SOCKET")
	if addr == "" {
		return
	}
	if addr[0] == '@' {
		addr = "\x00" + addr[1:]
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "unixgram", addr)
	if err != nil {
		return // the manager will see that nothing comes
	}
	defer c.Close() //nolint:errcheck // a datagram is sent or it is not
	_, _ = c.Write([]byte(state))
}
