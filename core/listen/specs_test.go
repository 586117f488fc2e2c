// SPDX-License-Identifier: Apache-2.0

package listen_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tercet/config"
	"tercet/core/listen"
)

// conf is a config of global options.
func conf(options map[string]any) *config.Config {
	c := config.New("test.cfg.lua", "")
	line := 0
	for _, name := range slices.Sorted(keys(options)) {
		line++
		c.Global.Options[name] = config.Of(config.Pos{File: c.File, Line: line}, options[name])
	}
	return c
}

func keys(m map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

type opts = map[string]any

func TestSpecs(t *testing.T) {
	c2s := listen.Service{Name: "c2s", Ports: []int{5222}, TLS: "starttls"}
	http := listen.Service{Name: "http", Ports: []int{5280}, Private: true}
	off := listen.Service{Name: "c2s_direct_tls", TLS: "direct"}
	tests := []struct {
		name     string
		options  opts
		service  listen.Service
		want     string
		problems string
	}{
		{"default", nil, c2s, "*:5222 [::]:5222", ""},
		{"private", nil, http, "127.0.0.1:5280 [::1]:5280", ""},
		{"off", nil, off, "", ""},
		{"on", opts{"c2s_direct_tls_ports": []any{5223}}, off, "*:5223 [::]:5223", ""},
		{"ports", opts{"c2s_ports": []any{5222, "5322", 5222}, "use_ipv6": false}, c2s, "*:5222 *:5322", ""},
		{"one port", opts{"c2s_ports": 5322, "use_ipv4": false}, c2s, "[::]:5322", ""},
		{"no ports", opts{"c2s_ports": []any{}, "c2s_interfaces": "unix:/run/x"}, c2s, "", ""},
		{"interfaces", opts{"interfaces": []any{"192.0.2.1", "2001:db8::1", "[2001:db8::2]"}}, c2s, "192.0.2.1:5222 [2001:db8::1]:5222 [2001:db8::2]:5222", ""},
		{"interface", opts{"interface": "192.0.2.1"}, c2s, "192.0.2.1:5222", ""},
		{"interfaces of private services", opts{"interfaces": "192.0.2.1", "local_interfaces": "127.0.0.2"}, http, "127.0.0.2:5280", ""},
		{"interfaces of the service", opts{"interfaces": "192.0.2.1", "http_interfaces": []any{"*"}, "local_interfaces": "127.0.0.2"}, http, "*:5280", ""},
		{"interface of the service", opts{"http_interface": "::"}, http, "[::]:5280", ""},
		{"unix socket", opts{"http_interfaces": []any{"unix:/run/x", "127.0.0.1"}, "http_unix_mode": "0600"}, http, "unix /run/x -rw------- 127.0.0.1:5280", ""},
		{"bad port", opts{"c2s_ports": []any{70000}}, c2s, "*:5222 [::]:5222", "test.cfg.lua:1: c2s_ports[1]: want a whole number from 0 to 65535, got 70000"},
		{"bad mode", opts{"c2s_interfaces": "unix:/x", "c2s_unix_mode": "rw"}, c2s, "unix /x -rw-rw----", `test.cfg.lua:2: c2s_unix_mode: want permissions such as "0660", got "rw"`},
		{"bad proxy", opts{"c2s_interfaces": "*", "c2s_proxy_protocol": []any{"10.0.0.0/33"}}, c2s, "*:5222", `test.cfg.lua:2: c2s_proxy_protocol: want addresses such as "10.0.0.0/8", got "10.0.0.0/33"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			specs, problems := listen.Specs(conf(tt.options), tt.service)
			var got []string
			for _, s := range specs {
				if s.Network == "unix" {
					got = append(got, "unix", s.Address, s.Mode.String())
					continue
				}
				if s.Service != tt.service.Name || s.TLS != tt.service.TLS || s.Private != tt.service.Private || s.Mode != 0 {
					t.Errorf("got %+v", s)
				}
				got = append(got, s.Address)
			}
			if text := strings.Join(got, " "); text != tt.want {
				t.Errorf("got %s, want %s", text, tt.want)
			}
			var texts []string
			for _, p := range problems {
				texts = append(texts, p.String())
			}
			if text := strings.Join(texts, "\n"); text != tt.problems {
				t.Errorf("problems: got %s, want %s", text, tt.problems)
			}
		})
	}
}

func TestSpecDetails(t *testing.T) {
	c := conf(opts{
		"c2s_interfaces": "127.0.0.1", "c2s_max_per_address": 5, "c2s_connection_rate": 2, "c2s_connection_burst": 3,
		"c2s_max_handshakes": 4, "c2s_proxy_protocol": []any{"10.0.0.1/8", "::1", "::ffff:192.0.2.1"},
		"network_settings": opts{"tcp_backlog": 33, "tcp_keepalive": 90, "read_timeout": 1, "accept_retry_interval": 2.5},
	})
	host := &config.Section{Kind: config.VirtualHost, Name: "example.org", Options: map[string]config.Value{
		"c2s_ports": config.Of(config.Pos{File: "x", Line: 9}, []any{1}),
	}}
	c.Hosts = append(c.Hosts, host)
	specs, problems := listen.Specs(c, listen.Service{Name: "c2s", Ports: []int{5222}})
	if len(problems) != 1 || problems[0].String() != "x:9: c2s_ports: without effect on a host, a port serves all hosts" || problems[0].Severity != config.Warning {
		t.Errorf("problems: %v", problems)
	}
	s := specs[0]
	if s.MaxPerAddress != 5 || s.Rate != 2 || s.Burst != 3 || s.MaxHandshakes != 4 || s.Backlog != 33 || s.TCPKeepAlive != 90*time.Second {
		t.Errorf("got %+v", s)
	}
	if got := fmt.Sprint(s.Proxy.Trusted); got != "[10.0.0.0/8 ::1/128 192.0.2.1/32]" {
		t.Errorf("trusted: got %s", got)
	}
	if d := listen.AcceptRetry(c); d != 2500*time.Millisecond {
		t.Errorf("accept_retry_interval: got %s", d)
	}
	for name, options := range map[string]opts{
		"of all":         {"tcp_keepalives": false},
		"of the service": {"tcp_keepalives": true, "c2s_tcp_keepalives": false},
	} {
		if specs, _ := listen.Specs(conf(options), listen.Service{Name: "c2s", Ports: []int{1}}); specs[0].TCPKeepAlive != -1 {
			t.Errorf("keep-alives %s: got %v", name, specs[0].TCPKeepAlive)
		}
	}
}

func TestFields(t *testing.T) {
	var names []string
	for _, f := range listen.Fields(listen.Service{Name: "c2s", Ports: []int{5222}}) {
		names = append(names, f.Name)
		names = append(names, f.Aliases...)
		if f.Doc == "" {
			t.Errorf("%s has no doc", f.Name)
		}
	}
	for _, want := range []string{"interfaces", "interface", "use_ipv6", "c2s_ports", "c2s_interfaces", "c2s_interface", "c2s_proxy_protocol"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is missing of %v", want, names)
		}
	}
}
