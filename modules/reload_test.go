// SPDX-License-Identifier: Apache-2.0

package modules_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/modules"
)

// long reports whether the long forms of tests are asked for.
func long() bool { return os.Getenv("TERCET_SOAK") != "" }

// freePort finds a port that nobody listens on.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// socketLogin logs a user in over a real socket.
func socketLogin(t testing.TB, s *coretest.Server, port int, user, resource string) *coretest.Client {
	t.Helper()
	s.AddUser(coretest.Domain, user, coretest.Password(user))
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	c := coretest.NewClient(t, conn, coretest.Domain)
	c.JID = user + "@" + coretest.Domain + "/" + resource
	c.Plain(user, coretest.Password(user))
	c.Bind(resource)
	return c
}

// TestReloadUnderLoad reloads modules, singly and by the config, while 1,000
// messages a second flow over sockets: no stream is closed, no message is
// lost, none comes twice, and they keep their order.
func TestReloadUnderLoad(t *testing.T) {
	duration := 4 * time.Second
	if long() {
		duration = time.Minute
	}
	const pairs, rate = 4, 1000
	port := freePort(t)
	config := stock + fmt.Sprintf("c2s_ports = { %d }\nc2s_interfaces = { \"127.0.0.1\" }\n", port)
	s := coretest.New(t, config, modules.All...)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var sent, got [pairs]atomic.Int64
	for i := range pairs {
		from := socketLogin(t, s, port, fmt.Sprint("from", i), "a")
		to := socketLogin(t, s, port, fmt.Sprint("to", i), "b")
		wg.Go(func() {
			const each = time.Second * pairs / rate
			begun, tick := time.Now(), time.NewTicker(each)
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C: // ticks are lost on a busy machine, messages are not
					for due := int64(time.Since(begun) / each); sent[i].Load() < due; {
						from.Send(fmt.Sprintf("<message to='%s' type='chat' id='%d'><body>x</body></message>", to.JID, sent[i].Add(1)))
					}
				}
			}
		})
		go func() {
			for {
				e, err := to.Try(time.Minute)
				if err != nil {
					return
				}
				if e.Local() != "message" {
					continue
				}
				if want := fmt.Sprint(got[i].Add(1)); e.Attr("id") != want {
					t.Errorf("pair %d: got message %s, want %s", i, e.Attr("id"), want)
				}
			}
		}()
	}
	reloads := reloadUntil(t, s, config, time.Now().Add(duration))
	close(stop)
	wg.Wait()
	total := int64(0)
	for i := range pairs {
		coretest.Eventually(t, "all messages have arrived", func() bool { return got[i].Load() >= sent[i].Load() })
		if got[i].Load() != sent[i].Load() {
			t.Errorf("pair %d: sent %d, got %d", i, sent[i].Load(), got[i].Load())
		}
		total += got[i].Load()
	}
	if n := s.Env.Streams.Len(); n != 2*pairs {
		t.Errorf("%d streams are left, want %d", n, 2*pairs)
	}
	t.Logf("%d messages, %d reloads", total, reloads)
}

// reloadUntil reloads as fast as old instances end.
func reloadUntil(t *testing.T, s *coretest.Server, config string, end time.Time) (n int) {
	t.Helper()
	words := []string{"message", "iq", "carbons", "smacks", "ping", "csi_simple", "blocklist", "disco", "bind"}
	for ; time.Now().Before(end); n++ {
		if n%5 == 0 {
			s.Reconfigure(config + fmt.Sprintf("offline_max_messages = %d\nsmacks_max_queue_size = %d\nc2s_timeout = %d\n", 100+n, 500+n, 300+n))
			continue
		}
		if err := s.Env.Manager.Reload(context.Background(), coretest.Domain, words[n%len(words)]); err != nil {
			t.Fatal(err)
		}
	}
	coretest.Eventually(t, "replaced instances have ended", func() bool {
		for _, m := range s.Env.Manager.List() {
			if m.State != "loaded" {
				return false
			}
		}
		return true
	})
	return n
}

// TestCrosswiseEnds has a thousand pairs of streams end each other, over
// sockets: each of two clients of an account takes the other's resource again
// and again.
func TestCrosswiseEnds(t *testing.T) {
	pairs := 100
	if long() {
		pairs = 1000
	}
	port := freePort(t)
	s := coretest.New(t, fmt.Sprintf("modules_enabled = { \"ping\", \"smacks\" }\nc2s_ports = { %d }\nc2s_interfaces = { \"127.0.0.1\" }\n", port), modules.All...)
	for i := range 4 {
		s.AddUser(coretest.Domain, fmt.Sprint("user", i), coretest.Password(fmt.Sprint("user", i)))
	}
	var wg sync.WaitGroup
	for i := range 4 {
		user := fmt.Sprint("user", i)
		for range 2 {
			wg.Go(func() {
				for range pairs / 4 {
					conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
					if err != nil {
						t.Error(err)
						return
					}
					c := coretest.NewClient(t, conn, coretest.Domain)
					c.Plain(user, coretest.Password(user))
					c.Send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>same</resource></bind></iq>")
					for {
						e, err := c.Try(10 * time.Second)
						if err != nil && strings.Contains(err.Error(), "nothing within") {
							t.Errorf("%s: neither bound nor ended", user)
						}
						if err != nil || e.Attr("id") == "b" {
							break
						}
					}
				}
			})
		}
	}
	wg.Wait()
	coretest.Eventually(t, "one session an account is left", func() bool {
		return s.Host(coretest.Domain).Sessions.Len() <= 4
	})
}
