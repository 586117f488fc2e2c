// SPDX-License-Identifier: Apache-2.0

package http_openmetrics_test

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	metricName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	labelName  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*`)
	number     = regexp.MustCompile(`^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$|^[+-]?Inf$|^NaN$`)
	canonical  = regexp.MustCompile(`^-?\d+\.\d+(?:e[+-]\d+)?$|^\d(?:\.\d+)?e[+-]\d+$|^\+Inf$`)
)

// A checker reads OpenMetrics 1.0 text by the ABNF and the rules for counters,
// gauges and histograms, and lists what breaks them.
type checker struct {
	family, kind string
	families     map[string]bool
	samples      map[string]bool
	help         bool
	last         map[string]float64 // of a histogram's series: the last bucket
	bound        map[string]float64
	infinite     map[string]float64
	counts       map[string]float64
	broken       []string
}

func checkText(text string) []string {
	c := &checker{families: map[string]bool{}, samples: map[string]bool{}}
	if !utf8.ValidString(text) {
		c.fail("", "it is not UTF-8")
	}
	body, ok := strings.CutSuffix(text, "# EOF\n")
	if !ok {
		c.fail("", "it does not end with # EOF")
	}
	for line := range strings.Lines(body) {
		line, ended := strings.CutSuffix(line, "\n")
		switch {
		case !ended || strings.Contains(line, "\r") || line == "" || line == "# EOF":
			c.fail(line, "no line")
		case line[0] == '#':
			c.comment(line)
		default:
			c.sample(line)
		}
	}
	c.endFamily()
	return c.broken
}

func (c *checker) fail(line, format string, args ...any) {
	c.broken = append(c.broken, fmt.Sprintf("%q: ", line)+fmt.Sprintf(format, args...))
}

func (c *checker) comment(line string) {
	f := strings.SplitN(line, " ", 4)
	if len(f) < 4 || f[0] != "#" || !metricName.MatchString(f[2]) {
		c.fail(line, "no metadata")
		return
	}
	switch f[1] {
	case "TYPE":
		c.endFamily()
		if c.families[f[2]] {
			c.fail(line, "the family is there twice")
		}
		c.families[f[2]] = true
		c.family, c.kind, c.help = f[2], f[3], false
		c.last, c.bound, c.infinite, c.counts = map[string]float64{}, map[string]float64{}, map[string]float64{}, map[string]float64{}
		if !slices.Contains([]string{"counter", "gauge", "histogram", "summary", "info", "stateset", "unknown"}, f[3]) {
			c.fail(line, "unknown type")
		}
	case "HELP":
		if f[2] != c.family || c.help {
			c.fail(line, "help of another family, or a second one")
		}
		c.help = true
		if strings.Contains(strings.NewReplacer(`\\`, "", `\n`, "", `\"`, "").Replace(f[3]), `\`) {
			c.fail(line, "bad escape")
		}
	default:
		c.fail(line, "unknown metadata")
	}
}

func (c *checker) sample(line string) {
	i := strings.IndexAny(line, "{ ")
	if i <= 0 || c.family == "" {
		c.fail(line, "no sample of a family")
		return
	}
	name, rest := line[:i], line[i:]
	labels, rest, ok := readLabels(rest)
	if !ok || !metricName.MatchString(name) {
		c.fail(line, "bad name or labels")
		return
	}
	text, ok := strings.CutPrefix(rest, " ")
	if !ok || !number.MatchString(text) {
		c.fail(line, "bad value %q", text)
		return
	}
	value, _ := strconv.ParseFloat(text, 64)
	suffix, ok := strings.CutPrefix(name, c.family)
	if !ok {
		c.fail(line, "not of the family %s", c.family)
		return
	}
	slices.Sort(labels)
	key := name + "{" + strings.Join(labels, ",") + "}"
	if c.samples[key] {
		c.fail(line, "the sample is there twice")
	}
	c.samples[key] = true
	switch c.kind {
	case "counter":
		if suffix != "_total" && suffix != "_created" || value < 0 || math.IsNaN(value) {
			c.fail(line, "no sample of a counter")
		}
	case "gauge":
		if suffix != "" {
			c.fail(line, "no sample of a gauge")
		}
	case "histogram":
		c.histogram(line, suffix, labels, value)
	}
}

func (c *checker) histogram(line, suffix string, labels []string, value float64) {
	series := strings.Join(slices.DeleteFunc(slices.Clone(labels), func(l string) bool { return strings.HasPrefix(l, "le=") }), ",")
	switch suffix {
	case "_bucket":
		i := slices.IndexFunc(labels, func(l string) bool { return strings.HasPrefix(l, "le=") })
		if i < 0 {
			c.fail(line, "a bucket without le")
			return
		}
		text := strings.Trim(labels[i][len("le="):], `"`)
		le, err := strconv.ParseFloat(text, 64)
		if err != nil || !canonical.MatchString(text) {
			c.fail(line, "le %q is not canonical", text)
		}
		if before, seen := c.bound[series]; seen && (le <= before || value < c.last[series]) {
			c.fail(line, "buckets are not in order")
		}
		c.bound[series], c.last[series] = le, value
		if math.IsInf(le, 1) {
			c.infinite[series] = value
		}
	case "_count":
		c.counts[series] = value
	case "_sum", "_created":
	default:
		c.fail(line, "no sample of a histogram")
	}
}

func (c *checker) endFamily() {
	for series := range c.bound {
		if n, ok := c.infinite[series]; !ok || n != c.counts[series] {
			c.fail(c.family, "series {%s}: +Inf is missing or not the count", series)
		}
	}
}

// readLabels reads {a="b",c="d"}.
func readLabels(s string) (labels []string, rest string, ok bool) {
	if s[0] != '{' {
		return nil, s, true
	}
	s = s[1:]
	for {
		name := labelName.FindString(s)
		value, ok := strings.CutPrefix(s[len(name):], `="`)
		if name == "" || !ok {
			return nil, "", false
		}
		end := 0
		for ; end < len(value) && value[end] != '"'; end++ {
			if value[end] == '\\' {
				if end++; end >= len(value) || !strings.ContainsRune(`\"n`, rune(value[end])) {
					return nil, "", false
				}
			}
		}
		if end >= len(value) {
			return nil, "", false
		}
		labels = append(labels, name+`="`+value[:end]+`"`)
		switch s = value[end+1:]; {
		case strings.HasPrefix(s, ","):
			s = s[1:]
		case strings.HasPrefix(s, "}"):
			return labels, s[1:], true
		default:
			return nil, "", false
		}
	}
}
