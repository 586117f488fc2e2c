// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"context"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"mellium.im/sasl"
	"mellium.im/xmlstream"
	"mellium.im/xmpp"
	"mellium.im/xmpp/jid"
	"mellium.im/xmpp/stanza"

	"tercet/core/coretest"
)

// everyday are the modules of an everyday server.
const everyday = `modules_enabled = { "disco", "roster", "saslauth", "tls", "blocklist", "carbons", "mam", "offline",
	"private", "smacks", "csi_simple", "ping", "time", "uptime", "version", "vcard", "lastactivity" }
`

// script runs one of the scripts beside this file against a server.
func script(t *testing.T, s *server, args ...string) {
	t.Helper()
	s.addUser("romeo", coretest.Password("romeo"))
	s.addUser("juliet", coretest.Password("juliet"))
	args = append(args, "--host", s.host, "--port", strconv.Itoa(s.plain), "--domain", s.domain,
		"--user", "romeo", "--password", coretest.Password("romeo"))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

// slixmpp is the interpreter for which Debian has slixmpp.
const slixmpp = "/usr/bin/python3"

func needSlixmpp(t *testing.T) {
	t.Helper()
	need(t, slixmpp)
	if err := exec.Command(slixmpp, "-c", "import slixmpp").Run(); err != nil {
		t.Skip("slixmpp is not installed: make deps")
	}
}

func TestSlixmppChats(t *testing.T) {
	needSlixmpp(t)
	s := newServer(t, everyday)
	script(t, s, slixmpp, "chat.py", "--peer", "juliet", "--peer-password", coretest.Password("juliet"))
}

func TestSlixmppResumes(t *testing.T) {
	needSlixmpp(t)
	s := newServer(t, everyday)
	script(t, s, slixmpp, "resume.py", "--peer", "juliet", "--peer-password", coretest.Password("juliet"))
}

func TestSlixmppBindsChannels(t *testing.T) {
	needSlixmpp(t)
	s := newServer(t, everyday+"disable_sasl_mechanisms = { \"PLAIN\" }\n")
	script(t, s, slixmpp, "binding.py")
}

func TestSlixmppBindsChannelsWhereTheFlagMayPass(t *testing.T) {
	needSlixmpp(t)
	s := newServer(t, everyday+"channel_binding_downgrade = \"allow\"\n")
	script(t, s, slixmpp, "binding.py", "--steps", "allowed13")
}

func TestProfanityChats(t *testing.T) {
	need(t, "profanity", "tmux")
	s := newServer(t, everyday)
	script(t, s, "bash", "profanity.sh", "--peer", "juliet", "--peer-password", coretest.Password("juliet"))
}

// TestMelliumChats has two clients of another Go implementation log in by
// STARTTLS and SCRAM with channel binding, and write to each other.
func TestMelliumChats(t *testing.T) {
	s := newServer(t, everyday)
	romeo, juliet := mellium(t, s, "romeo"), mellium(t, s, "juliet")
	got := make(chan string, 1)
	go func() {
		err := juliet.Serve(xmpp.HandlerFunc(func(r xmlstream.TokenReadEncoder, start *xml.StartElement) error {
			if start.Name.Local != "message" {
				return nil
			}
			var msg struct {
				Body string `xml:"body"`
			}
			if err := xml.NewTokenDecoder(xmlstream.MultiReader(xmlstream.Token(*start), r)).Decode(&msg); err != nil {
				return err
			}
			got <- msg.Body
			return nil
		}))
		if err != nil && !errors.Is(err, net.ErrClosed) {
			t.Log("juliet:", err)
		}
	}()
	if err := juliet.Send(t.Context(), stanza.Presence{}.Wrap(nil)); err != nil {
		t.Fatal(err)
	}
	body := xmlstream.Wrap(xmlstream.Token(xml.CharData("It is the east.")), xml.StartElement{Name: xml.Name{Local: "body"}})
	msg := stanza.Message{To: jid.MustParse("juliet@" + s.domain), Type: stanza.ChatMessage}
	deadline := time.After(20 * time.Second)
	if err := romeo.Send(t.Context(), msg.Wrap(body)); err != nil {
		t.Fatal(err)
	}
	select {
	case text := <-got:
		if text != "It is the east." {
			t.Errorf("got %q", text)
		}
	case <-deadline:
		t.Fatal("the message did not come")
	}
}

func mellium(t *testing.T, s *server, user string) *xmpp.Session {
	t.Helper()
	s.addUser(user, coretest.Password(user))
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.plain))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the session does not
	cfg := &tls.Config{ServerName: s.domain, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}
	session, err := xmpp.NewClientSession(t.Context(), jid.MustParse(user+"@"+s.domain+"/mellium"), conn,
		xmpp.StartTLS(cfg),
		xmpp.SASL("", coretest.Password(user), sasl.ScramSha256, sasl.ScramSha1),
		xmpp.BindResource())
	if err != nil {
		t.Fatalf("mellium as %s: %v", user, err)
	}
	return session
}
