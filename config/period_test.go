// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"testing"
	"time"

	"tercet/config"
)

func TestParsePeriod(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		in   string
		want time.Duration // -1: an error
	}{
		{"2 weeks", 14 * day},
		{"1w", 7 * day},
		{"1 Week", 7 * day},
		{"3d", 3 * day},
		{"1mo", 31 * day},
		{"2 months", 62 * day},
		{"1y", 365 * day},
		{"12h", 12 * time.Hour},
		{"1h30m", 90 * time.Minute},
		{"1 day 12 hours", 36 * time.Hour},
		{"5m", 5 * time.Minute},
		{"5 min", 5 * time.Minute},
		{"90", 90 * time.Second},
		{"0", 0},
		{"1.5h", 90 * time.Minute},
		{"250ms", 250 * time.Millisecond},
		{" 10 s ", 10 * time.Second},
		{"", -1},
		{" ", -1},
		{"week", -1},
		{"-1d", -1},
		{"1 fortnight", -1},
		{"5 5", -1},
		{"1.2.3s", -1},
		{".s", -1},
		{"1e9s", -1},
		{"99999999999 years", -1},
		{"never", -1},
	} {
		got, err := config.ParsePeriod(c.in)
		if err != nil {
			got = -1
		}
		if got != c.want {
			t.Errorf("%q: got %v, %v, want %v", c.in, got, err, c.want)
		}
	}
}

func TestFormatPeriod(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                       "0 seconds",
		time.Second:             "1 second",
		90 * time.Second:        "90 seconds",
		5 * time.Minute:         "5 minutes",
		time.Hour:               "1 hour",
		36 * time.Hour:          "36 hours",
		24 * time.Hour:          "1 day",
		14 * 24 * time.Hour:     "2 weeks",
		31 * 24 * time.Hour:     "31 days",
		250 * time.Millisecond:  "250 ms",
		1500 * time.Microsecond: "0.0015 seconds",
	} {
		if got := config.FormatPeriod(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
		if back, err := config.ParsePeriod(config.FormatPeriod(d)); d%time.Millisecond == 0 && (err != nil || back != d) {
			t.Errorf("%v: read back %v, %v", d, back, err)
		}
	}
}

func TestRateAndSize(t *testing.T) {
	for _, c := range []struct {
		in         string
		rate, size int64 // -1: an error
	}{
		{"10kb/s", 10_000, -1},
		{"10 KB/s", 10_000, -1},
		{"1mb/s", 1_000_000, -1},
		{"512b/s", 512, -1},
		{"2g/s", 2_000_000_000, -1},
		{"1.5kb/s", 1500, -1},
		{"1kib/s", 1024, -1},
		{"10kb", -1, 10_000},
		{"10 MB", -1, 10_000_000},
		{"10MiB", -1, 10 << 20},
		{"4096", -1, 4096},
		{"1t", -1, 1e12},
		{"10/s", -1, -1},
		{"kb/s", -1, -1},
		{"", -1, -1},
		{"/s", -1, -1},
		{"-1kb/s", -1, -1},
		{"10 kilobytes", -1, -1},
		{"10bib", -1, -1},
		{"9999999999t", -1, -1},
	} {
		rate, err := config.ParseRate(c.in)
		if err != nil {
			rate = -1
		}
		size, err := config.ParseSize(c.in)
		if err != nil {
			size = -1
		}
		if int64(rate) != c.rate || int64(size) != c.size {
			t.Errorf("%q: got %d, %d, want %d, %d", c.in, rate, size, c.rate, c.size)
		}
	}
	for _, c := range []struct{ got, want string }{
		{config.Rate(10_000).String(), "10kb/s"},
		{config.Rate(1234).String(), "1234b/s"},
		{config.Size(10 << 20).String(), "10 MiB"},
		{config.Size(262144).String(), "256 KiB"},
		{config.Size(10_000).String(), "10 KB"},
		{config.Size(0).String(), "0 B"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// What is read is written so that it is read as the same again.
func FuzzQuantities(f *testing.F) {
	for _, s := range []string{"2 weeks", "1h30m", "10kb/s", "10 MiB", "0", "1.5h", "never", "\x00", "1٣"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := config.ParsePeriod(s); err == nil {
			if d < 0 {
				t.Errorf("%q: got %v", s, d)
			}
			d = d.Truncate(time.Millisecond)
			if back, err := config.ParsePeriod(config.FormatPeriod(d)); err != nil || back != d {
				t.Errorf("%q: %v became %v, %v", s, d, back, err)
			}
		}
		if n, err := config.ParseRate(s); err == nil {
			if back, err := config.ParseRate(n.String()); err != nil || back != n {
				t.Errorf("%q: %v became %v, %v", s, n, back, err)
			}
		}
		if n, err := config.ParseSize(s); err == nil {
			if back, err := config.ParseSize(n.String()); err != nil || back != n {
				t.Errorf("%q: %v became %v, %v", s, n, back, err)
			}
		}
	})
}
