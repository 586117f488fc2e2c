// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"net/url"
	"testing"

	"tercet/modules/guest"
)

func TestGrants(t *testing.T) {
	g := guest.Grants{"hook:pre-message/*", "hook:iq-get/host/urn:x:*", "store", "add:feature", "hook:a*b*c", "hook:*/last", "replace"}
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		word, name string
		want       bool
	}{
		{"hook", "pre-message/bare", true},
		{"hook", "pre-message/", true},
		{"hook", "pre-message", false},
		{"hook", "PRE-MESSAGE/bare", false},
		{"hook", "message/bare", false},
		{"hook", "x-pre-message/bare", false},
		{"hook", "pre-message/*", true}, // as it stands
		{"hook", "", false},
		{"hook", "iq-get/host/urn:x:query", true},
		{"hook", "iq-set/host/urn:x:query", false},
		{"hook", "iq-get/host/urn:xx", false},
		{"hook", "abc", true},
		{"hook", "aXbXc", true},
		{"hook", "acbc", true},
		{"hook", "abbcc", true},
		{"hook", "ac", false},
		{"hook", "abcd", false},
		{"hook", "a/last", true},
		{"hook", "/last", true},
		{"hook", "last", false},
		{"hook", "store", false}, // another word's
		{"store", "", true},
		{"store", "else", false},
		{"replace", "", true},
		{"send", "", false},
		{"", "", false},
		{"add", "feature", true},
		{"add", "feature2", false},
		{"add", "account-feature", false},
	} {
		if got := g.Allow(tt.word, tt.name); got != tt.want {
			t.Errorf("%s:%s: got %v", tt.word, tt.name, got)
		}
	}
	if !(guest.Grants{"hook:*"}).Allow("hook", "") || !(guest.Grants{"hook:**"}).Allow("hook", "x") {
		t.Error("* does not stand for any text")
	}
	if (guest.Grants{"hook:ab*ba"}).Allow("hook", "aba") {
		t.Error("one letter counts for both ends")
	}
	if guest.Grants(nil).Allow("store", "") {
		t.Error("who has no grants may do something")
	}
}

func TestGrantsCheck(t *testing.T) {
	for _, good := range []string{"hook:x", "hook:*", "add:feature", "send", "http:https://x/", "http:http://[::1]:8080/a", "http:https://x/a?b=c"} {
		if err := (guest.Grants{"store", good}).Check(); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{
		"hook", "hook:", "add", "files", "store:x", "store:", "send:x", "Store", " store", "", ":", "*",
		"http", "http:", "http:/", "http:x", "http:ftp://x/", "http:https://x", "http:https:///x", "http:https://u@x/",
		"http:https://u:p@x/", "http:https://%zz/", "http:https:x/", "http:*",
	} {
		if err := (guest.Grants{"store", bad}).Check(); err == nil {
			t.Errorf("%q is taken for a grant", bad)
		}
	}
}

func TestGrantsURL(t *testing.T) {
	g := guest.Grants{"http:https://api.example.org/v1/", "http:http://127.0.0.1:8080/hook", "http:https://Upper.example/", "send"}
	for _, tt := range []struct {
		url  string
		want bool
	}{
		{"https://api.example.org/v1/", true},
		{"https://API.example.org/v1/check?x=1", true},
		{"HTTPS://api.example.org/v1/a/b", true},
		{"https://api.example.org/v1/a/", true},
		{"https://api.example.org/v1/a%20b", true},
		{"https://api.example.org/v1/a?b=../..", true},
		{"https://api.example.org/v1/..a/b..", true},
		{"https://upper.example/", true},
		{"https://upper.example/any/thing", true},
		{"https://upper.example", false},
		{"https://api.example.org/v1", false},
		{"https://api.example.org/V1/", false},
		{"https://api.example.org/v2/", false},
		{"https://api.example.org/v1/../admin", false},
		{"https://api.example.org/v1/a/../b", false},
		{"https://api.example.org/v1/..", false},
		{"https://api.example.org/v1/.", false},
		{"https://api.example.org/v1/./a", false},
		{"https://api.example.org/v1//a", false},
		{"https://api.example.org/v1/%2e%2e/admin", false},
		{"https://api.example.org/v1/%2E%2E/admin", false},
		{"https://api.example.org/v1/.%2e/admin", false},
		{"https://api.example.org/v1/..%2fadmin", false},
		{"https://api.example.org/v1/..%2Fadmin", false},
		{"https://api.example.org/v1/a%2fb", false},
		{`https://api.example.org/v1/..\admin`, false},
		{"https://api.example.org/v1/..%5cadmin", false},
		{"https://api.example.org/v1/..;/admin", false},
		{"https://api.example.org/v1/..;x=y/admin", false},
		{"https://api.example.org/v1/.;/admin", false},
		{"http://api.example.org/v1/", false},
		{"https://api.example.org:443/v1/", false}, // as it stands, so that nothing has to be known of schemes
		{"https://api.example.org:444/v1/", false},
		{"https://api.example.org./v1/", false},
		{"https://api.example.org.evil.example/v1/", false},
		{"https://evil.example/https://api.example.org/v1/", false},
		{"https://evil.example#@api.example.org/v1/", false},
		{"https://user:pass@api.example.org/v1/", false},
		{"https://api.example.org@evil.example/v1/", false},
		{"https://@api.example.org/v1/", false},
		{"http://127.0.0.1:8080/hook", true},
		{"http://127.0.0.1:8080/hook?a=b", true},
		{"http://127.0.0.1/hook", false},
		{"http://127.0.0.1:80/hook", false},
		{"http://127.0.0.1:8080/hook/", false},
		{"http://127.0.0.1:8080/hooks", false},
		{"http://127.0.0.1:8080/hook/more", false},
		{"http://localhost:8080/hook", false},
		{"http://[::ffff:127.0.0.1]:8080/hook", false},
		{"https:api.example.org/v1/", false},
		{"file:///etc/passwd", false},
		{"//api.example.org/v1/", false},
		{"/v1/", false},
		{"", false},
	} {
		u, err := url.Parse(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.AllowURL(u); got != tt.want {
			t.Errorf("%s: got %v", tt.url, got)
		}
	}
}
