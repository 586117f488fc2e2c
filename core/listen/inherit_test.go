// SPDX-License-Identifier: Apache-2.0

package listen_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tercet/core/listen"
)

const inheritedEnv = "TERCET_TEST_INHERITED"

// TestMain is also the server that gets its sockets from systemd: it says what
// it got, then serves one connection on each.
func TestMain(m *testing.M) {
	if os.Getenv(inheritedEnv) == "" {
		os.Exit(m.Run())
	}
	got, err := listen.Inherited()
	fmt.Println(slices.Sorted(maps.Keys(got)))
	fmt.Println(err)
	fmt.Println(os.Getenv("LISTEN_PID") + os.Getenv("LISTEN_FDS") + os.Getenv("LISTEN_FDNAMES"))
	again, err := listen.Inherited()
	fmt.Println(len(again), err)
}

func inherit(t *testing.T, env string, files ...*os.File) []string {
	t.Helper()
	cmd := exec.Command("sh", "-c", env+` exec "$0" -test.run=none`, os.Args[0])
	cmd.Env = append(os.Environ(), inheritedEnv+"=1")
	cmd.ExtraFiles = files
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

func listener(t *testing.T, network, address string) (net.Listener, *os.File) {
	t.Helper()
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	f, err := ln.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return ln, f
}

func TestInherited(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	four, fourFile := listener(t, "tcp4", "127.0.0.1:0")
	both, bothFile := listener(t, "tcp", ":0")
	_, unixFile := listener(t, "unix", path)
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = udp.Close() }()
	udpFile, _ := udp.(*net.UDPConn).File()
	_, port, _ := net.SplitHostPort(both.Addr().String())
	all := []string{"tcp " + four.Addr().String(), "tcp 0.0.0.0:" + port, "tcp [::]:" + port, "unix " + path}
	slices.Sort(all)
	const pid = "LISTEN_PID=$$ "
	tests := []struct {
		name, env string
		keys      []string
		err       string
	}{
		{"all", pid + "LISTEN_FDS=3 LISTEN_FDNAMES=a:b:c", all, "<nil>"},
		{"one", pid + "LISTEN_FDS=1", all[:0:0], "<nil>"},
		{"datagrams", pid + "LISTEN_FDS=4", all, "inherit socket 6: it does not listen for streams"},
		{"closed", pid + "LISTEN_FDS=5", all, "inherit socket 6: it does not listen for streams"},
		{"for another process", "LISTEN_PID=1 LISTEN_FDS=3", nil, "<nil>"},
		{"no pid", "LISTEN_FDS=3", nil, "<nil>"},
		{"bad number", pid + "LISTEN_FDS=-1", nil, `inherit sockets: LISTEN_FDS is "-1"`},
		{"nothing", "", nil, "<nil>"},
	}
	tests[1].keys = []string{"tcp " + four.Addr().String()}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := inherit(t, tt.env, fourFile, bothFile, unixFile, udpFile)
			if want := fmt.Sprint(tt.keys); got[0] != want {
				t.Errorf("got %s, want %s", got[0], want)
			}
			if got[1] != tt.err {
				t.Errorf("error: got %s, want %s", got[1], tt.err)
			}
			if len(got) < 4 || got[len(got)-2] != "" || got[len(got)-1] != "0 <nil>" {
				t.Errorf("the variables are not unset: %q", got)
			}
		})
	}
}

// What was inherited is used instead of binding, for both families at once, and
// again after the service was taken out of the config.
func TestActivated(t *testing.T) {
	ln, f := listener(t, "tcp", ":0")
	ln.Close() // f keeps it open, as systemd would
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	w := newWorld(t, listen.RegistryOptions{Activated: listen.Activated{"tcp [::]:" + port: f, "tcp 0.0.0.0:" + port: f}})
	if all := w.reg.List(); len(all) != 2 || !all[0].Activated || all[0].Accepting || all[0].Service != "" {
		t.Errorf("unused: %+v", all)
	}
	for _, text := range []string{"one", "two"} {
		s := w.stage()
		spec := anyPort
		for _, spec.Address = range []string{"*:" + port, "[::]:" + port} {
			w.listen(s, spec, func(ctx context.Context, c net.Conn, info listen.Info) {
				if info.Remote.Addr().Is4In6() {
					t.Errorf("remote address %s", info.Remote)
				}
				says(text)(ctx, c, info)
			})
		}
		if all := w.reg.List(); len(all) != 1 || !all[0].Activated {
			t.Errorf("in use: %+v", all)
		}
		c := dial(t, "tcp", "127.0.0.1:"+port)
		w.swap(nil, s)
		if got := readLine(t, c); got != text {
			t.Errorf("got %s, want %s", got, text)
		}
		if got := readLine(t, dial(t, "tcp", "[::1]:"+port)); got != text {
			t.Errorf("got %s, want %s", got, text)
		}
		w.close(s)
	}
	waits := dial(t, "tcp", "127.0.0.1:"+port) // nobody serves, systemd's socket is there
	w.reg.StopAccepting()
	waits.Close()
}
