// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/element"
)

// link is a connection that carries 1 Mbit/s towards us. What is not taken yet
// fills the buffers of both kernels, which are small.
type link struct {
	net.Conn
	begun time.Time
	got   int
}

const linkRate = 125_000 // bytes a second

func (l *link) Read(p []byte) (int, error) {
	if l.begun.IsZero() {
		l.begun = time.Now()
	}
	due := l.begun.Add(time.Duration(float64(l.got) / linkRate * float64(time.Second)))
	if wait := time.Until(due); wait > 0 {
		<-time.After(wait)
	} else if wait < -time.Second { // a silent time gives no credit
		l.begun = l.begun.Add(-wait)
	}
	n, err := l.Conn.Read(p[:min(len(p), 1500)])
	l.got += n
	return n, err
}

// dialSlowly connects over such a link.
func (s *server) dialSlowly(t *testing.T) (net.Conn, *link) {
	t.Helper()
	d := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) {
			failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 8<<10)
		})
		if err == nil {
			err = failed
		}
		return err
	}}
	c, err := d.DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", s.tls))
	if err != nil {
		t.Fatal(err)
	}
	l := &link{Conn: c}
	secure := tls.Client(l, &tls.Config{ServerName: s.domain, NextProtos: []string{"xmpp-client"}, InsecureSkipVerify: true})
	if err := secure.HandshakeContext(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	return secure, l
}

// TestSlowLink has a roster of 1,000 items, an archive page of 50 x 10 KB, as
// much that was kept, and 100 presences reach a client over a link of 1 Mbit/s,
// all at once: nothing is closed and nothing is missing.
func TestSlowLink(t *testing.T) {
	const friends, resources, contacts, page = 4, 25, 1000, 50
	names := []string{"slow"}
	for i := range friends {
		names = append(names, fmt.Sprint("friend", i))
	}
	groups := filepath.Join(t.TempDir(), "groups.txt")
	list := "[Friends]\n" + strings.Join(names, "@"+coretest.Domain+"\n") + "@" + coretest.Domain + "\n"
	if err := os.WriteFile(groups, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, strings.Replace(everyday, "{", "{ \"groups\",", 1)+fmt.Sprintf("groups_file = %q\n", groups))
	fill(t, s, contacts)
	all := s.befriend(t, names[1:], resources)
	for n := range page {
		all[0].Send(fmt.Sprintf("<message to='slow@%s' type='chat' id='m%d'><body>%s</body></message>", s.domain, n, strings.Repeat("x", 10_000)))
	}
	stillThere(t, all[0])

	conn, l := s.dialSlowly(t)
	c := coretest.NewClient(t, conn, s.domain)
	c.Plain("slow", coretest.Password("slow"))
	c.Bind("s")
	begun := time.Now()
	c.Send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>" +
		"<presence/>" +
		"<iq type='set' id='page'><query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>50</max></set></query></iq>" +
		"<iq type='get' id='last'><ping xmlns='urn:xmpp:ping'/></iq>")
	var items, kept, archived int
	present := make(map[string]bool)
	done := make(map[string]bool)
	for !done["roster"] || !done["page"] || !done["last"] || kept+archived < page || len(present) < friends*resources {
		e, err := c.Try(20 * time.Second)
		if err != nil {
			t.Fatalf("after %v: %v; %d items, %d kept, %d archived, %d present", time.Since(begun), err, items, kept, archived, len(present))
		}
		switch {
		case e.Attr("id") == "roster":
			for range e.First().Children() {
				items++
			}
		case !e.Child("urn:xmpp:mam:2", "result").IsZero():
			archived++
		case e.Local() == "message":
			kept++
		case e.Local() == "presence" && strings.HasPrefix(e.Attr("from"), "friend"):
			present[e.Attr("from")] = true
		case e.Is(element.NSStream, "error"):
			t.Fatal("closed:", e)
		}
		if e.Local() == "iq" {
			if e.Attr("type") != "result" {
				t.Errorf("got %s", e)
			}
			done[e.Attr("id")] = true
		}
	}
	took := time.Since(begun)
	if items != contacts+friends || archived != page {
		t.Errorf("%d items and %d archived messages, want %d and %d", items, archived, contacts+friends, page)
	}
	if least := time.Duration(page * 10_000 / linkRate * int(time.Second)); took < least {
		t.Errorf("all came within %v: the link is faster than 1 Mbit/s", took)
	}
	for _, f := range all {
		stillThere(t, f)
	}
	stillThere(t, c)
	t.Logf("%d bytes within %v; %d kept messages", l.got, took.Round(time.Millisecond), kept)
}

// fill makes a roster.
func fill(t *testing.T, s *server, contacts int) {
	t.Helper()
	c := s.login(t, "slow", "setup")
	for n := range contacts {
		c.Send(fmt.Sprintf("<iq type='set' id='c%d'><query xmlns='jabber:iq:roster'><item jid='contact-with-a-long-name-%[1]d@elsewhere.example' name='Contact number %[1]d'><group>Everybody</group></item></query></iq>", n))
	}
	for n := range contacts {
		if e := c.Next(); e.Attr("type") != "result" || e.Attr("id") != fmt.Sprint("c", n) {
			t.Fatalf("contact %d: %s", n, e)
		}
	}
	c.Send("</stream:stream>")
	c.Ended()
}

// befriend has friends come online.
func (s *server) befriend(t *testing.T, names []string, resources int) (all []*coretest.Client) {
	t.Helper()
	for _, name := range names {
		for n := range resources {
			c := s.login(t, name, fmt.Sprint(n))
			c.Send("<presence><status>" + strings.Repeat("here ", 20) + "</status></presence>")
			all = append(all, c)
		}
	}
	return all
}

// stillThere has a client's ping answered.
func stillThere(t *testing.T, c *coretest.Client) {
	t.Helper()
	c.Send("<iq type='get' id='still'><ping xmlns='urn:xmpp:ping'/></iq>")
	for {
		if e := c.Next(); e.Attr("id") == "still" {
			return
		}
	}
}
