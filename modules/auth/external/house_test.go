// SPDX-License-Identifier: Apache-2.0

package external_test

import (
	"bytes"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tercet/core/auth"
	"tercet/core/coretest"
	"tercet/modules"
	"tercet/plugins/extauth"
)

// TestMain is the plugin when the module starts this program again, and a
// script when the plugin does.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "plugin" && os.Args[2] == "extauth":
		os.Exit(extauth.Main())
	case len(os.Args) > 1 && os.Args[1] == "script":
		os.Exit(script(os.Args[2:]))
	}
	os.Exit(m.Run())
}

const (
	nsSASL   = "urn:ietf:params:xml:ns:xmpp-sasl"
	external = "authentication = \"external\"\n"
	right    = "soft, what light: yönder" // romeo's password
)

// script is one in ejabberd's protocol: romeo is the only one. With record=FILE
// it writes down what it is asked; without the file in unless=FILE it ends.
func script(words []string) int {
	record := io.Discard
	for _, w := range words {
		switch what, file, _ := strings.Cut(w, "="); what {
		case "record":
			f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
			if err != nil {
				return 2
			}
			record = f
		case "unless":
			if _, err := os.Stat(file); err != nil {
				return 3
			}
		}
	}
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(os.Stdin, head); err != nil {
			return 0
		}
		question := make([]byte, binary.BigEndian.Uint16(head))
		if _, err := io.ReadFull(os.Stdin, question); err != nil {
			return 1
		}
		field := append(strings.SplitN(string(question), ":", 4), "")
		fmt.Fprintln(record, field[0], field[1])
		yes := false
		switch wait, err := time.ParseDuration(strings.TrimPrefix(field[3], "late ")); {
		case field[0] == "isuser" && field[1] == "slow":
			time.Sleep(time.Hour)
		case err == nil:
			time.Sleep(wait)
			yes = true
		case field[0] == "isuser":
			yes = field[1] == "romeo"
		case field[0] == "auth":
			yes = field[1] == "romeo" && field[3] == right
		case field[0] == "tryregister":
			yes = field[1] == "fresh"
		}
		os.Stdout.Write([]byte{0, 2, 0, map[bool]byte{true: 1}[yes]})
	}
}

// scripted is the option that has the script above asked.
func scripted(words ...string) string {
	text := fmt.Sprintf("extauth_program = { %q, \"script\"", os.Args[0])
	for _, w := range words {
		text += fmt.Sprintf(", %q", w)
	}
	return text + " }\n"
}

// example is the path of a script in examples.
func example(t testing.TB, name string) string {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("..", "..", "..", "examples", "extauth", name))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func accountsOf(s *coretest.Server) auth.Provider {
	return coretest.Service(s, coretest.Domain, auth.Accounts)
}

// kept is a line of the file that the examples read.
func kept(t testing.TB, jid, password string) string {
	t.Helper()
	const salt = "73616c74"
	key, err := pbkdf2.Key(sha256.New, password, []byte(salt), 10_000, sha256.Size)
	if err != nil {
		t.Fatal(err)
	}
	return jid + "\t" + salt + "$" + hex.EncodeToString(key) + "\n"
}

// secured is a server that speaks TLS only, and how to reach it.
func secured(t testing.TB, lua string) (s *coretest.Server, dial func() *coretest.Client) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr)
	l.Close()
	dir, trusted := coretest.Certificates(t, coretest.Domain)
	s = coretest.New(t, fmt.Sprintf("certificates = %q\nc2s_direct_tls_ports = { %d }\nc2s_direct_tls_interfaces = { \"127.0.0.1\" }\nc2s_close_timeout = 0\n"+
		"c2s_require_encryption = true\nallow_unencrypted_plain_auth = false\n%s", dir, addr.Port, lua), modules.All...)
	return s, func() *coretest.Client {
		t.Helper()
		conn, err := tls.Dial("tcp", addr.String(), &tls.Config{ServerName: coretest.Domain, RootCAs: trusted, MinVersion: tls.VersionTLS13})
		if err != nil {
			t.Fatal(err)
		}
		return coretest.NewClient(t, conn, coretest.Domain)
	}
}

// try is what comes of a login by PLAIN.
func try(c *coretest.Client, user, password string) string {
	token := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
	c.Send("<auth xmlns='" + nsSASL + "' mechanism='PLAIN'>" + token + "</auth>")
	e := c.Next()
	if e.Local() == "failure" {
		return e.First().Local()
	}
	return e.Local()
}

// processes are those whose command line has the text.
func processes(text string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && bytes.Contains(bytes.ReplaceAll(line, []byte{0}, []byte{' '}), []byte(text)) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// plugins are the plugin processes of this one.
func plugins() []int {
	return slices.DeleteFunc(processes(" plugin extauth"), func(pid int) bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return true
		}
		field := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // state, parent, ...
		return field[1] != strconv.Itoa(os.Getpid())
	})
}

// exposed are the processes that have the text in arguments or environment.
func exposed(text string) (where []string) {
	for _, name := range []string{"cmdline", "environ"} {
		files, _ := filepath.Glob("/proc/[0-9]*/" + name)
		for _, file := range files {
			if b, err := os.ReadFile(file); err == nil && bytes.Contains(b, []byte(text)) {
				where = append(where, file)
			}
		}
	}
	return where
}
