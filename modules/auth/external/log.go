// SPDX-License-Identifier: Apache-2.0

package external

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/hashicorp/go-hclog"
)

// logger is a log of go-plugin's kind that writes to the server's: what
// go-plugin says itself, and what the plugin writes to its standard error.
func logger(to *slog.Logger) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Level: hclog.Info, Output: io.Discard})
	l.RegisterSink(sink{to})
	return l
}

type sink struct{ to *slog.Logger }

// Accept implements hclog.SinkAdapter.
func (s sink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	to := slog.LevelDebug
	switch {
	case level >= hclog.Error:
		to = slog.LevelError
	case level == hclog.Warn:
		to = slog.LevelWarn
	case level == hclog.Info:
		to = slog.LevelInfo
	}
	var attrs []slog.Attr
	for i := 0; i+1 < len(args); i += 2 {
		name := fmt.Sprint(args[i])
		if name != "timestamp" && !strings.HasPrefix(name, "@") { // the server's log has its own
			attrs = append(attrs, slog.Any(name, args[i+1]))
		}
	}
	s.to.LogAttrs(context.Background(), to, msg, attrs...) //nolint:sloglint // a constant of the plugin, or of go-plugin
}
