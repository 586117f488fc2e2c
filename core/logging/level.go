// SPDX-License-Identifier: Apache-2.0

package logging

import "log/slog"

// mask is a set of levels. slog has levels between the four that Prosody has;
// they count as the one below.
type mask uint8

const (
	debugBit mask = 1 << iota
	infoBit
	warnBit
	errorBit

	infoAndAbove = infoBit | warnBit | errorBit
	everything   = debugBit | infoAndAbove
)

var levelNames = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

func bit(l slog.Level) mask {
	switch {
	case l < slog.LevelInfo:
		return debugBit
	case l < slog.LevelWarn:
		return infoBit
	case l < slog.LevelError:
		return warnBit
	}
	return errorBit
}

func atLeast(l slog.Level) mask { return everything &^ (bit(l) - 1) }

func atMost(l slog.Level) mask { return bit(l)<<1 - 1 }

func levelName(l slog.Level) string {
	switch bit(l) {
	case debugBit:
		return "debug"
	case infoBit:
		return "info"
	case warnBit:
		return "warn"
	default:
		return "error"
	}
}
