// SPDX-License-Identifier: Apache-2.0

package http_openmetrics_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/core/metric"
	"tercet/modules"
)

const config = "https_ports = {}\nhttp_interfaces = { \"127.0.0.1\" }\nhttp_ports = { 0 }\nmodules_enabled = { \"http_openmetrics\" }\n"

// scrape asks for a path as the given client behind a proxy; "" is without.
func scrape(t *testing.T, s *coretest.Server, path, from string) (*http.Response, string) {
	t.Helper()
	addr := ""
	for _, l := range s.Env.Listeners.List() {
		if l.Service == "http" && l.Accepting {
			addr = l.Address
		}
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if from != "" {
		r.Header.Set("X-Forwarded-For", from)
	}
	r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	r.Header.Set("Origin", "https://evil.example")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// The text keeps the rules of OpenMetrics 1.0, and holds what was counted.
func TestScrape(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	s.Env.Metrics.Counter("odd", "A help with \"quotes\", a \\ and\na line.", metric.Label{Name: "what", Value: "a \"b\" \\ \n c"}).Inc()
	s.Env.Metrics.Histogram("took_seconds", "A histogram.", metric.Seconds, metric.Label{Name: "host", Value: "x"}).Observe(0.5)
	_, _ = scrape(t, s, "/metrics", "")
	resp, text := scrape(t, s, "/metrics", "")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/openmetrics-text; version=1.0.0; charset=utf-8" {
		t.Errorf("got %s, %q", resp.Status, resp.Header.Get("Content-Type"))
	}
	if resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("pages of other origins may read it")
	}
	for _, broken := range checkText(text) {
		t.Error(broken)
	}
	for _, line := range []string{
		"# TYPE odd counter", `odd_total{what="a \"b\" \\ \n c"} 1`, `took_seconds_bucket{host="x",le="1.0"} 1`,
		`took_seconds_sum{host="x"} 0.5`, `connections_open{service="http"} `, `http_requests_total{status="2xx"} 1`, "http_requests_in_flight 1",
	} {
		if !strings.Contains(text, "\n"+line) {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
}

// The checker finds what it is there for.
func TestCheckText(t *testing.T) {
	const good = "# TYPE a counter\n# HELP a Text.\na_total{x=\"y\"} 1\n# TYPE b gauge\nb 2.5\n# TYPE h histogram\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 3\n# EOF\n"
	if broken := checkText(good); broken != nil {
		t.Errorf("good text: %v", broken)
	}
	for name, text := range map[string]string{
		"no end":                      "# TYPE a gauge\na 1\n",
		"something behind the end":    "# EOF\n# TYPE a gauge\n",
		"an empty line":               "\n# EOF\n",
		"a counter without _total":    "# TYPE a counter\na 1\n# EOF\n",
		"a negative counter":          "# TYPE a counter\na_total -1\n# EOF\n",
		"a family twice":              "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na{x=\"y\"} 1\n# EOF\n",
		"a sample twice":              "# TYPE a gauge\na{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 1\n# EOF\n",
		"a sample of no family":       "# TYPE a gauge\nb 1\n# EOF\n",
		"a bad name":                  "# TYPE 1a gauge\n1a 1\n# EOF\n",
		"a bad label":                 "# TYPE a gauge\na{1x=\"y\"} 1\n# EOF\n",
		"an open label":               "# TYPE a gauge\na{x=\"y} 1\n# EOF\n",
		"a bad escape":                "# TYPE a gauge\na{x=\"\\t\"} 1\n# EOF\n",
		"a bad number":                "# TYPE a gauge\na one\n# EOF\n",
		"no +Inf":                     "# TYPE h histogram\nh_bucket{le=\"1.0\"} 1\nh_count 1\nh_sum 1\n# EOF\n",
		"buckets that shrink":         "# TYPE h histogram\nh_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_count 1\nh_sum 1\n# EOF\n",
		"buckets out of order":        "# TYPE h histogram\nh_bucket{le=\"2.0\"} 1\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_count 1\nh_sum 1\n# EOF\n",
		"a count that is not +Inf's":  "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_count 2\nh_sum 1\n# EOF\n",
		"a bound that is not a float": "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_count 1\nh_sum 1\n# EOF\n",
		"a help of no family":         "# HELP a b\n# EOF\n",
		"an unknown type":             "# TYPE a thing\na 1\n# EOF\n",
		"a carriage return":           "# TYPE a gauge\r\na 1\r\n# EOF\r\n",
		"a space too many":            "# TYPE a gauge\na  1\n# EOF\n",
	} {
		if broken := checkText(text); broken == nil {
			t.Errorf("%s: nothing found", name)
		}
	}
}

// Who may read: those that the options name, by the address that a trusted
// proxy tells.
func TestPermission(t *testing.T) {
	for _, tt := range []struct {
		name, lua, from string
		status          int
	}{
		{"this machine", "", "", 200},
		{"a client behind a proxy", "", "192.0.2.1", 403},
		{"nonsense from a proxy", "", "unknown", 403},
		{"this machine is not named", "openmetrics_allow_ips = { \"192.0.2.1\" }\n", "", 403},
		{"another is", "openmetrics_allow_ips = \"192.0.2.1\"\n", "192.0.2.1", 200},
		{"a network", "openmetrics_allow_cidr = \"192.0.2.0/24\"\n", "192.0.2.9", 200},
		{"not in the network", "openmetrics_allow_cidr = \"192.0.2.0/24\"\n", "192.0.3.9", 403},
		{"networks of IPv6", "openmetrics_allow_cidr = { \"192.0.2.0/24\", \"2001:db8::/32\" }\n", "2001:db8::1", 200},
		{"nobody", "openmetrics_allow_ips = {}\n", "", 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := coretest.New(t, config+tt.lua, modules.All...)
			if resp, text := scrape(t, s, "/metrics", tt.from); resp.StatusCode != tt.status || strings.Contains(text, "# EOF") != (tt.status == 200) {
				t.Errorf("got %s, want %d: %q", resp.Status, tt.status, text)
			}
		})
	}
}

// The older word, another path, and a reload that takes the module away.
func TestReload(t *testing.T) {
	s := coretest.New(t, strings.Replace(config, "http_openmetrics", "prometheus", 1), modules.All...)
	if resp, _ := scrape(t, s, "/metrics", ""); resp.StatusCode != http.StatusOK {
		t.Errorf("prometheus: got %s", resp.Status)
	}
	s.Reconfigure(config + "http_paths = { openmetrics = \"/stats\" }\n")
	if resp, _ := scrape(t, s, "/stats", ""); resp.StatusCode != http.StatusOK {
		t.Errorf("another path: got %s", resp.Status)
	}
	if resp, _ := scrape(t, s, "/metrics", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("the old path: got %s", resp.Status)
	}
	s.Reconfigure(strings.Replace(config, "http_openmetrics", "httpd", 1))
	if resp, _ := scrape(t, s, "/metrics", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("unloaded: got %s", resp.Status)
	}
}

// What is no address keeps the config from being taken.
func TestOptions(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	for _, lua := range []string{"openmetrics_allow_ips = { \"localhost\" }\n", "openmetrics_allow_cidr = \"192.0.2.1\"\n"} {
		s.Write(config + lua)
		if plan, err := s.Reload(t.Context()); err == nil || len(plan.Problems) == 0 {
			t.Errorf("%s is taken", lua)
		}
	}
}
