// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"tercet/core/coretest"
)

// header opens a stream to the server's host.
const header = "<?xml version='1.0'?><stream:stream to='" + coretest.Domain +
	"' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"

// leaks are what a peer must never be told: where the program is and what it
// is made of.
var leaks = regexp.MustCompile(`\.go\b|goroutine|panic|runtime error|/root|/home|/tmp|sqlite|SQL|nil pointer|0xc000`)

// raw opens a connection without TLS.
func (s *server) raw(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.plain))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // a second close is no fault
	return c
}

// heard is all that the server says until it hangs up.
func heard(t *testing.T, c net.Conn) string {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(15 * time.Second)) // fails on a closed connection, as reading does
	b, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the server did not hang up; it said %s", tail(string(b), 500))
	}
	if m := leaks.Find(b); m != nil {
		t.Errorf("the server lets out %q: %s", m, tail(string(b), 500))
	}
	return string(b)
}

// until reads up to a word that must come.
func until(t *testing.T, c net.Conn, word string) string {
	t.Helper()
	got, err := tryUntil(c, word)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func tryUntil(c net.Conn, word string) (string, error) {
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second)) // as above
	var got []byte
	b := make([]byte, 4096)
	for !strings.Contains(string(got), word) {
		n, err := c.Read(b)
		got = append(got, b[:n]...)
		if err != nil {
			return "", fmt.Errorf("%s did not come (%w): %s", word, err, tail(string(got), 500))
		}
	}
	return string(got), nil
}

func send(c net.Conn, xml string) {
	_ = c.SetWriteDeadline(time.Now().Add(10 * time.Second)) // the server may have hung up: heard tells
	_, _ = io.WriteString(c, xml)
}

// state is how far an attacker goes before it does harm.
type state int

const (
	connected state = iota // by TLS
	opened
	proved
	bound
)

// reach brings a connection there.
func (s *server) reach(t *testing.T, st state, user string) net.Conn {
	t.Helper()
	if st >= proved {
		s.addUser(user, coretest.Password(user))
	}
	c, err := s.tryReach(st, user)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // a second close is no fault
	return c
}

// tryReach is reach for an account that is there.
func (s *server) tryReach(st state, user string) (net.Conn, error) {
	type step struct {
		to         state
		say, await string
	}
	steps := []step{
		{opened, header, "</stream:features>"},
		{proved, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" +
			base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+coretest.Password(user))) + "</auth>", "<success"},
		{proved, header, "</stream:features>"},
		{bound, "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", "</iq>"},
	}
	c, err := s.tryDial()
	if err != nil {
		return nil, err
	}
	for _, step := range steps {
		if st < step.to {
			break
		}
		send(c, step.say)
		if _, err := tryUntil(c, step.await); err != nil {
			_ = c.Close() // it has failed already
			return nil, fmt.Errorf("%s: %w", user, err)
		}
	}
	_ = c.SetDeadline(time.Time{}) // those were the steps'
	return c, nil
}
