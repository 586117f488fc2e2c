// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Never is what "never" becomes in a period that allows it.
const Never time.Duration = 0

const (
	day   = 24 * time.Hour
	week  = 7 * day
	month = 31 * day // as in Prosody's archive
	year  = 365 * day
)

// periodUnits are the words of a period from the longest to the shortest, in
// the order in which FormatPeriod tries them.
var periodUnits = []struct {
	unit  time.Duration
	word  string
	words []string
}{
	{year, "year", []string{"y", "yr", "yrs", "year", "years"}},
	{month, "month", []string{"mo", "mon", "month", "months"}},
	{week, "week", []string{"w", "week", "weeks"}},
	{day, "day", []string{"d", "day", "days"}},
	{time.Hour, "hour", []string{"h", "hr", "hrs", "hour", "hours"}},
	{time.Minute, "minute", []string{"m", "mi", "min", "mins", "minute", "minutes"}},
	{time.Second, "second", []string{"s", "sec", "secs", "second", "seconds"}},
	{time.Millisecond, "ms", []string{"ms"}},
}

var (
	errPeriod = errors.New("not a period")
	errRate   = errors.New("not a rate")
	errSize   = errors.New("not a size")
)

// ParsePeriod reads a period such as "2 weeks", "1w", "90", "1h30m" or
// "1 day 12 hours". A number without a unit counts seconds, a bare m minutes.
func ParsePeriod(s string) (time.Duration, error) { return parsePeriod(s, time.Minute) }

// parsePeriod takes a bare m as minute, which may be a month (Prosody's archive
// options).
func parsePeriod(s string, minute time.Duration) (time.Duration, error) {
	var total float64
	rest := strings.TrimSpace(strings.ToLower(s))
	if rest == "" {
		return 0, errPeriod
	}
	for bare := false; rest != ""; {
		n, tail, ok := cutNumber(rest)
		if !ok || bare {
			return 0, errPeriod
		}
		word, tail := cutWord(tail)
		unit := time.Second
		switch {
		case word == "m":
			unit = minute
		case word != "":
			if unit = periodUnit(word); unit == 0 {
				return 0, errPeriod
			}
		}
		bare = word == ""
		total += n * float64(unit)
		rest = strings.TrimLeft(tail, " ,")
	}
	if !(total <= float64(math.MaxInt64/2)) {
		return 0, errPeriod
	}
	return time.Duration(math.Round(total)), nil
}

func periodUnit(word string) time.Duration {
	for _, u := range periodUnits {
		if slices.Contains(u.words, word) {
			return u.unit
		}
	}
	return 0
}

// cutNumber splits a number without sign or exponent, and the spaces after it,
// off the start of s.
func cutNumber(s string) (n float64, rest string, ok bool) {
	end := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if end < 0 {
		end = len(s)
	}
	n, err := strconv.ParseFloat(s[:end], 64)
	return n, strings.TrimLeft(s[end:], " "), err == nil && s[0] != '.'
}

func cutWord(s string) (word, rest string) {
	end := strings.IndexFunc(s, func(r rune) bool { return r < 'a' || r > 'z' })
	if end < 0 {
		return s, ""
	}
	return s[:end], s[end:]
}

// FormatPeriod writes d in the largest unit that leaves no remainder, as a
// config file would: "2 weeks", "90 seconds", "250 ms".
func FormatPeriod(d time.Duration) string {
	for _, u := range periodUnits {
		if d == 0 || d%u.unit != 0 || u.unit == month || u.unit == year {
			continue
		}
		n := int64(d / u.unit)
		if n == 1 || u.word == "ms" {
			return strconv.FormatInt(n, 10) + " " + u.word
		}
		return strconv.FormatInt(n, 10) + " " + u.word + "s"
	}
	return strconv.FormatFloat(d.Seconds(), 'g', -1, 64) + " seconds"
}

// Rate is a number of bytes per second.
type Rate int64

// ParseRate reads a rate such as "10kb/s": b, k, m, g or t (with or without a
// further b) count powers of 1000 bytes, kib and so on powers of 1024.
func ParseRate(s string) (Rate, error) {
	body, ok := strings.CutSuffix(strings.TrimSpace(strings.ToLower(s)), "/s")
	if !ok {
		return 0, errRate
	}
	n, err := parseBytes(body, true)
	if err != nil {
		return 0, errRate
	}
	return Rate(n), nil
}

// String returns the rate as ParseRate reads it.
func (r Rate) String() string {
	return formatBytes(int64(r), 1000, [...]string{"b", "kb", "mb", "gb", "tb"}) + "/s"
}

// Size is a number of bytes.
type Size int64

// ParseSize reads a size such as "10 MB" (powers of 1000), "10 MiB" (powers of
// 1024) or a plain number of bytes.
func ParseSize(s string) (Size, error) {
	n, err := parseBytes(strings.TrimSpace(strings.ToLower(s)), false)
	return Size(n), err
}

// String returns the size as ParseSize reads it.
func (s Size) String() string {
	if s != 0 && s%1024 == 0 {
		return formatBytes(int64(s), 1024, [...]string{" B", " KiB", " MiB", " GiB", " TiB"})
	}
	return formatBytes(int64(s), 1000, [...]string{" B", " KB", " MB", " GB", " TB"})
}

func parseBytes(s string, needUnit bool) (int64, error) {
	if s == "" {
		return 0, errSize
	}
	n, rest, ok := cutNumber(s)
	unit, rest := cutWord(rest)
	if !ok || rest != "" || unit == "" && needUnit {
		return 0, errSize
	}
	power := strings.IndexByte("bkmgt", append([]byte(unit), 'b')[0])
	base := 1000.0
	switch tail := unit[min(1, len(unit)):]; {
	case power < 0, power == 0 && tail != "":
		return 0, errSize
	case tail == "ib":
		base = 1024
	case tail != "" && tail != "b":
		return 0, errSize
	}
	if n = math.Round(n * math.Pow(base, float64(power))); n > math.MaxInt64/2 {
		return 0, errSize
	}
	return int64(n), nil
}

func formatBytes(n, base int64, units [5]string) string {
	power := 0
	for power < len(units)-1 && n != 0 && n%base == 0 {
		n, power = n/base, power+1
	}
	return strconv.FormatInt(n, 10) + units[power]
}
