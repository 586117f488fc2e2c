// SPDX-License-Identifier: Apache-2.0

package http_test

import (
	"testing"

	web "tercet/modules/http"
)

// The Fetch standard's CORS protocol: what the options, the app and
// http_cors_override say, the last of them first.
func TestCORS(t *testing.T) {
	get := routes("GET", says("x"), "PUT /y", says("y"))
	apps := static(
		web.App{Name: "app", Routes: get},
		web.App{Name: "open", Routes: get, Origins: web.Origins{Enabled: true, Headers: []string{"authorization"}, Credentials: true, Allowed: []string{"https://app.example"}}},
		web.App{Name: "closed", Routes: get, Origins: web.Origins{Closed: true}},
	)
	const origin = "https://page.example"
	for _, tt := range []struct {
		name, lua, app, origin                          string
		allow, credentials, methods, headers, age, vary string
	}{
		{"the default", "", "app", origin, "*", "", "GET, OPTIONS, PUT", "Content-Type", "7200", ""},
		{"no page", "", "app", "", "*", "", "GET, OPTIONS, PUT", "Content-Type", "7200", ""},
		{"off", "http_default_cors_enabled = false\n", "app", origin, "", "", "", "", "", ""},
		{"off, but the app", "http_default_cors_enabled = false\n", "open", "https://app.example", "https://app.example", "true", "GET, OPTIONS, PUT", "Authorization, Content-Type", "7200", "Origin"},
		{"the app has origins", "", "open", origin, "", "", "", "", "", "Origin"},
		{"the app is closed", "", "closed", origin, "", "", "", "", "", ""},
		{"closed, but the admin", "http_cors_override = { closed = { enabled = true } }\n", "closed", origin, "*", "", "GET, OPTIONS, PUT", "Content-Type", "7200", ""},
		{"an override off", "http_cors_override = { app = { enabled = false } }\n", "app", origin, "", "", "", "", "", ""},
		{"an override on", "http_default_cors_enabled = false\nhttp_cors_override = { app = { origins = \"https://page.example\", credentials = true, headers = { [\"X-A\"] = true, [\"content-type\"] = false } } }\n", "app", origin, origin, "true", "GET, OPTIONS, PUT", "X-A", "7200", "Origin"},
		{"an override without credentials", "http_cors_override = { open = { credentials = false, origins = \"*\" } }\n", "open", origin, "*", "", "GET, OPTIONS, PUT", "Authorization, Content-Type", "7200", ""},
		{"credentials", "access_control_allow_credentials = true\n", "app", origin, origin, "true", "GET, OPTIONS, PUT", "Content-Type", "7200", "Origin"},
		{"credentials, no page", "access_control_allow_credentials = true\n", "app", "", "", "", "", "", "", "Origin"},
		{"origins", "access_control_allow_origins = { \"https://page.example\" }\n", "app", origin, origin, "", "GET, OPTIONS, PUT", "Content-Type", "7200", "Origin"},
		{"other origins", "access_control_allow_origins = { \"https://other.example\" }\n", "app", origin, "", "", "", "", "", "Origin"},
		{"methods, headers, age", "access_control_allow_methods = { \"get\", \"PATCH\" }\naccess_control_allow_headers = { \"x-b\" }\naccess_control_max_age = 60\n", "app", origin, "*", "", "GET, PATCH, PUT", "X-B", "60", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := start(t, tt.lua, apps)
			for _, request := range []string{"GET /", "OPTIONS /"} {
				var headers []string
				if tt.origin != "" {
					headers = []string{"Origin", tt.origin}
				}
				h := w.do(request+tt.app, headers...).Header
				for name, want := range map[string]string{
					"Access-Control-Allow-Origin": tt.allow, "Access-Control-Allow-Credentials": tt.credentials, "Access-Control-Allow-Methods": tt.methods,
					"Access-Control-Allow-Headers": tt.headers, "Access-Control-Max-Age": tt.age, "Vary": tt.vary,
				} {
					if got := h.Get(name); got != want {
						t.Errorf("%s: %s: got %q, want %q", request, name, got, want)
					}
				}
			}
		})
	}
	if got := start(t, "", apps).do("GET /nothing", "Origin", origin).Header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("where nothing is: %q", got)
	}
}
