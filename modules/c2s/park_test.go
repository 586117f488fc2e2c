// SPDX-License-Identifier: Apache-2.0

//go:build linux

package c2s_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/core/jid"
	"tercet/core/stream"
	"tercet/modules"
)

// A bedroom is a server whose clients, over TLS, are parked after a second.
type bedroom struct {
	*coretest.Server
	t       *testing.T
	addr    string
	trusted *x509.CertPool
	config  string
}

func newBedroom(t *testing.T) *bedroom {
	t.Helper()
	dir, trusted := coretest.Certificates(t, coretest.Domain)
	b := &bedroom{t: t, trusted: trusted}
	port := freePort(t)
	b.addr = fmt.Sprintf("127.0.0.1:%d", port)
	b.config = fmt.Sprintf("modules_enabled = { \"ping\", \"smacks\" }\ncertificates = %q\nc2s_direct_tls_ports = { %d }\nc2s_direct_tls_interfaces = { \"127.0.0.1\" }\n"+
		"c2s_close_timeout = 0\nc2s_park_after = %%d\n", dir, port)
	b.Server = coretest.New(t, fmt.Sprintf(b.config, 1), modules.All...)
	return b
}

func (b *bedroom) connect(user string) *coretest.Client {
	b.t.Helper()
	b.AddUser(coretest.Domain, user, coretest.Password(user))
	conn, err := tls.Dial("tcp", b.addr, &tls.Config{ServerName: coretest.Domain, RootCAs: b.trusted, MinVersion: tls.VersionTLS12})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = conn.Close() }) // a test's end
	c := coretest.NewClient(b.t, conn, coretest.Domain)
	c.Plain(user, coretest.Password(user))
	return c
}

func (b *bedroom) login(user string) *coretest.Client {
	b.t.Helper()
	c := b.connect(user)
	c.Bind("bed")
	return c
}

func (b *bedroom) asleep(n int) {
	b.t.Helper()
	coretest.Eventually(b.t, fmt.Sprint(n, " streams are parked"), func() bool { return b.Env.Streams.Parked() == n })
}

func message(to *coretest.Client, body string) string {
	return "<message type='chat' to='" + to.JID + "'><body>" + body + "</body></message>"
}

// TestParkedClients are what may happen to a client that is parked.
func TestParkedClients(t *testing.T) {
	b := newBedroom(t)
	romeo, juliet := b.login("romeo"), b.login("juliet")
	b.asleep(2)
	t.Run("the metric", func(t *testing.T) {
		var out bytes.Buffer
		if err := b.Env.Metrics.Write(&out); err != nil || !strings.Contains(out.String(), "streams_parked 2\n") {
			t.Errorf("no streams_parked 2 in the metrics, %v", err)
		}
	})
	t.Run("it wakes and sends to another", func(t *testing.T) {
		romeo.Send(message(juliet, "one"))
		if got := juliet.Next(); got.Child("jabber:client", "body").Text() != "one" {
			t.Errorf("juliet got %s", got)
		}
		if n := b.Env.Streams.Parked(); n != 1 {
			t.Errorf("%d are parked, want only juliet", n)
		}
		b.asleep(2)
	})
	t.Run("a reload", func(t *testing.T) {
		b.Reconfigure(fmt.Sprintf(b.config, 0))
		nurse := b.login("nurse") // is never parked
		b.asleep(2)
		nurse.Send(message(juliet, "two") + message(romeo, "three"))
		if got := juliet.Next(); !strings.Contains(got.String(), "two") {
			t.Errorf("juliet got %s", got)
		}
		if got := romeo.Next(); !strings.Contains(got.String(), "three") {
			t.Errorf("romeo got %s", got)
		}
		romeo.Quiet() // it wakes, too
		b.asleep(2)
		b.Reconfigure(fmt.Sprintf(b.config, 1))
	})
	t.Run("a kick", func(t *testing.T) {
		h := b.Host(coretest.Domain)
		h.Kick(t.Context(), h.Sessions.Get(jid.MustParse(juliet.JID)), stream.Fail(stream.PolicyViolation, "up"))
		wantEnd(t, juliet, "policy-violation")
		b.asleep(1)
	})
	t.Run("the client is gone", func(t *testing.T) {
		_ = romeo.Conn.Close() // without a word
		coretest.Eventually(t, "the session has ended", func() bool {
			return b.Host(coretest.Domain).Sessions.Get(jid.MustParse(romeo.JID)) == nil
		})
		b.asleep(0)
	})
}

// TestParkedIsResumed has a session resumed on another connection while its
// stream is parked: nothing is lost, and the old stream ends.
func TestParkedIsResumed(t *testing.T) {
	b := newBedroom(t)
	romeo, juliet := b.login("romeo"), b.login("juliet")
	romeo.Send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
	enabled := romeo.Next()
	b.asleep(2)
	juliet.Send(message(romeo, "before"))
	romeo.Next() // and does not acknowledge it
	b.asleep(2)
	again := b.connect("romeo")
	again.Send("<resume xmlns='urn:xmpp:sm:3' previd='" + enabled.Attr("id") + "' h='0'/>")
	if got := again.Next(); got.Local() != "resumed" {
		t.Fatalf("got %s", got)
	}
	coretest.Eventually(t, "the old stream has ended", func() bool { return b.Env.Streams.Len() == 2 })
	again.JID = romeo.JID
	juliet.Send(message(romeo, "after"))
	for _, want := range []string{"before", "after"} {
		got := again.Next()
		for got.Local() == "r" {
			got = again.Next()
		}
		if !strings.Contains(got.String(), want) {
			t.Errorf("got %s, want %q", got, want)
		}
	}
	b.asleep(2)
}

// TestParkedStop tells a parked client that the server ends.
func TestParkedStop(t *testing.T) {
	b := newBedroom(t)
	romeo := b.login("romeo")
	b.asleep(1)
	if err := b.Env.Streams.Stop(t.Context(), stream.Fail(stream.SystemShutdown, "good night")); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, romeo, "system-shutdown")
}
