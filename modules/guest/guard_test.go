// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tercet/modules/guest"
)

// The watchdog stops a call soon after its limit, and no other.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stopped atomic.Int32
		slow := guest.Watch(func() { stopped.Add(1) })
		fast := guest.Watch(func() { t.Error("a call was stopped that was in time") })
		defer slow.Forget()
		defer fast.Forget()
		for range 3 {
			fast.Begin(20 * time.Millisecond)
			slow.Begin(20 * time.Millisecond)
			<-time.After(19 * time.Millisecond)
			if !fast.End() {
				t.Error("19 ms were too long")
			}
			<-time.After(10 * time.Millisecond)
			if slow.End() {
				t.Error("29 ms were in time")
			}
		}
		if n := stopped.Load(); n != 3 {
			t.Errorf("stopped %d times, want 3", n)
		}
		<-time.After(5 * time.Second) // the watchdog sleeps
		slow.Begin(time.Millisecond)
		<-time.After(10 * time.Millisecond)
		if slow.End() {
			t.Error("nobody has woken the watchdog")
		}
		<-time.After(5 * time.Second)
	})
}

// Calls that end at their limit are stopped or not, but never both or twice.
func TestWatchHammer(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var stopped atomic.Int32
			s := guest.Watch(func() { stopped.Add(1) })
			defer s.Forget()
			late := int32(0)
			for i := range 40 {
				s.Begin(time.Duration(i%7) * time.Millisecond)
				<-time.After(time.Duration(i%11) * time.Millisecond)
				if !s.End() {
					late++
				}
			}
			deadline := time.Now().Add(5 * time.Second)
			for stopped.Load() != late && time.Now().Before(deadline) {
				<-time.After(time.Millisecond)
			}
			if got := stopped.Load(); got != late {
				t.Errorf("%d calls were late, %d were stopped", late, got)
			}
		})
	}
	wg.Wait()
}

func TestGrants(t *testing.T) {
	g := guest.Grants{"hook:pre-message/*", "hook:iq-get/host/urn:x:*", "store", "add:feature"}
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		word, name string
		want       bool
	}{
		{"hook", "pre-message/bare", true},
		{"hook", "message/bare", false},
		{"hook", "iq-get/host/urn:x:query", true},
		{"hook", "iq-set/host/urn:x:query", false},
		{"store", "", true},
		{"send", "", false},
		{"add", "feature", true},
		{"add", "account-feature", false},
	} {
		if got := g.Allow(tt.word, tt.name); got != tt.want {
			t.Errorf("%s:%s: got %v", tt.word, tt.name, got)
		}
	}
	for _, bad := range []string{"hook", "hook:", "files", "store:x", "http:ftp://x/", "http:https://x", "http:https://u@x/", "http:", ""} {
		if err := (guest.Grants{bad}).Check(); err == nil {
			t.Errorf("%q is taken for a grant", bad)
		}
	}
}

func TestGrantsURL(t *testing.T) {
	g := guest.Grants{"http:https://api.example.org/v1/", "http:http://127.0.0.1:8080/hook", "send"}
	for _, tt := range []struct {
		url  string
		want bool
	}{
		{"https://api.example.org/v1/", true},
		{"https://API.example.org/v1/check?x=1", true},
		{"https://api.example.org/v1", false},
		{"https://api.example.org/v2/", false},
		{"https://api.example.org/v1/../admin", false},
		{"https://api.example.org/v1/%2e%2e/admin", false},
		{"http://api.example.org/v1/", false},
		{"https://api.example.org:444/v1/", false},
		{"https://api.example.org.evil.example/v1/", false},
		{"https://user:pass@api.example.org/v1/", false},
		{"http://127.0.0.1:8080/hook", true},
		{"http://127.0.0.1:8080/hook?a=b", true},
		{"http://127.0.0.1:8080/hooks", false},
		{"http://127.0.0.1:8080/hook/more", false},
		{"file:///etc/passwd", false},
		{"//api.example.org/v1/", false},
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
