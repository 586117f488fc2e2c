// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

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
	defer c.Close()
	_, _ = c.Write([]byte(state))
}

// notifyReloading says that a reload has begun; the service manager compares
// the time with its own clock.
func notifyReloading(ctx context.Context) {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) == nil {
		notify(ctx, fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000))
	}
}
