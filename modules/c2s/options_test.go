// SPDX-License-Identifier: Apache-2.0

package c2s_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tercet/core/coretest"
	"tercet/core/listen"
	"tercet/core/module"
	"tercet/core/stream"
	"tercet/modules"
)

// TestHandshakes takes one place at the gate: with two of them a client comes
// in nevertheless, with one it waits.
func TestHandshakes(t *testing.T) {
	dir, trusted := coretest.Certificates(t, coretest.Domain)
	for _, places := range []int{1, 2} {
		gates := make(chan *listen.Gate, 1)
		beside := freePort(t)
		// A second socket of the service has the same gate.
		spy := module.Define("spy", module.OnServer, struct{}{}, func(s *module.Scope, _ struct{}) error {
			spec := listen.Spec{Service: "c2s_direct_tls", Network: "tcp", Address: fmt.Sprintf("127.0.0.1:%d", beside), MaxHandshakes: places}
			return s.Env.Listeners.Listen(s.Scope, spec, func(_ context.Context, c net.Conn, info listen.Info) {
				_ = c.Close() // it has told what it had to
				gates <- info.Handshakes
			})
		})
		port := freePort(t)
		coretest.New(t, fmt.Sprintf("modules_enabled = { \"spy\" }\ncertificates = %q\nc2s_direct_tls_ports = { %d }\nc2s_direct_tls_interfaces = { \"127.0.0.1\" }\nc2s_max_handshakes = %d\n",
			dir, port, places), append([]module.Definition{spy}, modules.All...)...)
		connect(t, fmt.Sprintf("127.0.0.1:%d", beside))
		gate := <-gates
		if err := gate.Enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		conn := tls.Client(connect(t, fmt.Sprintf("127.0.0.1:%d", port)), &tls.Config{ServerName: coretest.Domain, RootCAs: trusted, MinVersion: tls.VersionTLS12})
		done := make(chan error, 1)
		go func() { done <- conn.Handshake() }()
		if places == 1 {
			coretest.Eventually(t, "the client waits", func() bool { return gate.Waiting() == 1 })
			select {
			case err := <-done:
				t.Errorf("a handshake beside the only one: %v", err)
			default:
			}
			gate.Leave()
		}
		if err := <-done; err != nil {
			t.Errorf("%d places: %v", places, err)
		}
	}
}

// backlogOf asks the kernel how many connections may wait on a port of this
// process.
func backlogOf(t *testing.T, port int) uint32 {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	for _, f := range files {
		fd, err := strconv.Atoi(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		listens, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
		if err != nil || listens == 0 {
			continue
		}
		at, err := unix.Getsockname(fd)
		if v4, ok := at.(*unix.SockaddrInet4); err != nil || !ok || v4.Port != port {
			continue
		}
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			t.Skip(err)
		}
		return info.Sacked // of a socket that listens
	}
	t.Fatal("no socket listens on the port")
	return 0
}

// TestBacklog has the kernel keep as many connections as the option says, also
// after a reload.
func TestBacklog(t *testing.T) {
	port := freePort(t)
	lua := fmt.Sprintf("%sc2s_ports = { %d }\nc2s_interfaces = { \"127.0.0.1\" }\n", config, port)
	s := coretest.New(t, lua, modules.All...)
	for want, option := range map[uint32]string{128: "", 7: "network_settings = { tcp_backlog = 7 }\n", 33: "network_settings = { tcp_backlog = 33 }\n"} {
		s.Reconfigure(lua + option)
		coretest.Eventually(t, fmt.Sprintf("a backlog of %d", want), func() bool { return backlogOf(t, port) == want })
	}
}

// TestSendTimeout gives up a client that reads nothing, after that time and
// not before.
func TestSendTimeout(t *testing.T) {
	for option, gone := range map[string]bool{"": false, "network_settings = { send_timeout = 1 }\n": true} {
		s := coretest.New(t, config+option, modules.All...)
		conn := &tap{Conn: s.Dial("c2s")}
		deaf := login(t, s, conn, "romeo")
		conn.deaf.Lock()
		juliet := s.Login("juliet", "balcony")
		began := time.Now()
		for range 3 {
			juliet.Send("<message type='headline' to='" + deaf.JID + "'><body>x</body></message>")
		}
		juliet.Quiet()
		sessions := func() int { return s.Host(coretest.Domain).Sessions.Len() }
		if gone {
			coretest.Eventually(t, "the deaf client is given up", func() bool { return sessions() == 1 })
			if took := time.Since(began); took < 900*time.Millisecond {
				t.Errorf("after %v", took)
			}
		} else {
			<-time.After(1500 * time.Millisecond)
			if sessions() != 2 {
				t.Error("the deaf client is given up, without the option")
			}
		}
		juliet.Quiet()
		conn.deaf.Unlock()
	}
}

// TestIPVersions listens on one of them only, and changes it by a reload.
func TestIPVersions(t *testing.T) {
	if l, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		t.Skip("no IPv6 here:", err)
	} else {
		_ = l.Close() // it was a question
	}
	port := freePort(t)
	lua := fmt.Sprintf("%sc2s_ports = { %d }\n", config, port)
	for _, interfaces := range []string{"interfaces = { \"127.0.0.1\", \"::1\" }\n", "c2s_interfaces = { \"127.0.0.1\", \"::1\" }\n"} {
		s := coretest.New(t, lua+interfaces, modules.All...)
		for _, tt := range []struct{ option, want string }{
			{"", "127.0.0.1 ::1"},
			{"use_ipv4 = false\n", "::1"},
			{"use_ipv6 = false\n", "127.0.0.1"},
			{"use_ipv4 = false\nuse_ipv6 = false\n", ""},
			{"use_ipv6 = true\n", "127.0.0.1 ::1"},
		} {
			s.Reconfigure(lua + interfaces + tt.option)
			reached := ""
			coretest.Eventually(t, tt.want, func() bool {
				var all []string
				for _, host := range []string{"127.0.0.1", "::1"} {
					if c, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(port))); err == nil {
						_ = c.Close() // that it could be opened is all
						all = append(all, host)
					}
				}
				reached = strings.Join(all, " ")
				return reached == tt.want
			})
		}
		s.Stop("the test is over")
		s.Wait()
	}
}

// TestOutboxes has clients that read nothing share what they may hold, also
// those that came before a reload with those that came after it; and it has the
// reload change how much that is.
func TestOutboxes(t *testing.T) {
	const half = "modules_disabled = { \"offline\" }\nc2s_max_outboxes = 1048576\n"
	s := coretest.New(t, config+half, modules.All...)
	juliet := s.Login("juliet", "balcony")
	// deaf is one that reads nothing while 436 KB are written to it: less than
	// one alone may hold, more than one of two.
	deaf := func(user string) (given func() bool) {
		conn := &tap{Conn: s.Dial("c2s")}
		c := login(t, s, conn, user)
		conn.deaf.Lock()
		t.Cleanup(conn.deaf.Unlock)
		for range 105 {
			juliet.Send("<message type='headline' to='" + c.JID + "'><body>" + strings.Repeat("x", 4000) + "</body></message>")
		}
		juliet.Quiet()
		return func() bool {
			return !slices.ContainsFunc(s.Env.Streams.Streams(), func(st *stream.Stream) bool { return st.User() == user })
		}
	}
	first := deaf("first")
	s.Reconfigure(config + half + "c2s_timeout = 100\n") // which loads c2s anew
	second := deaf("second")
	coretest.Eventually(t, "the second is given up", second)
	if first() {
		t.Error("the first was given up")
	}
	s.Reconfigure(config + strings.Replace(half, "1048576", "8388608", 1))
	third := deaf("third")
	<-time.After(300 * time.Millisecond) // it would be given up at once
	if first() || third() {
		t.Error("there is room for all, and one was given up")
	}
}
