// SPDX-License-Identifier: Apache-2.0

package mam_test

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/core/jid"
	"tercet/core/storage"
	"tercet/modules"
)

// A line is a connection whose client can be made deaf.
type line struct {
	net.Conn
	deaf sync.Mutex
}

func (l *line) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p[:min(len(p), 1000)])
	l.deaf.Lock()
	defer l.deaf.Unlock()
	return n, err
}

// over logs romeo in.
func (l *line) over(t *testing.T, s *coretest.Server, resource string) *coretest.Client {
	t.Helper()
	l.Conn = s.Dial("c2s")
	c := coretest.NewClient(t, l, coretest.Domain)
	s.AddUser(coretest.Domain, "romeo", coretest.Password("romeo"))
	c.Plain("romeo", coretest.Password("romeo"))
	if resource != "" {
		c.Bind(resource)
	}
	return c
}

// stock archives large messages for romeo, named a, b, c...
func stock(t testing.TB, s *coretest.Server, n, size int) {
	t.Helper()
	a, with := shelf(t, s), jid.MustParse("juliet@example.org")
	for i := range n {
		body := fmt.Appendf(nil, "<message from='juliet@example.org' id='%c'><body>%s</body></message>", 'a'+i, strings.Repeat("x", size))
		if _, _, err := a.Append("romeo", storage.Entry{When: time.Now(), With: with, Body: body}); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	highWater = 256 << 10
	large     = 50_000
)

// queued is how much waits for the only session.
func queued(s *coretest.Server, resource string) int {
	session := s.Host(coretest.Domain).Sessions.Get(jid.MustParse("romeo@example.org/" + resource))
	if session == nil || session.Stream() == nil {
		return -1
	}
	return session.Stream().Conn.Queued()
}

// stuffed has the client ask for pages and not read them.
func stuffed(t *testing.T, s *coretest.Server, l *line, c *coretest.Client, ask ...string) {
	t.Helper()
	l.deaf.Lock()
	all := new(strings.Builder)
	for i, inner := range ask {
		fmt.Fprintf(all, "<iq type='set' id='q%d'><query xmlns='%s'>%s</query></iq>", i, nsMAM, inner)
	}
	c.Send(all.String()) // at once: the server does not read on
	coretest.Eventually(t, "much waits for the client", func() bool { return queued(s, "r") > highWater/2 })
	other := s.Login("juliet", "j")
	for range 20 { // time to read on
		other.Quiet()
		if n := queued(s, "r"); n > highWater+2*large {
			t.Fatalf("%d bytes wait for a client that does not read", n)
		}
	}
}

// page takes the answer to one query.
func takePage(t *testing.T, c *coretest.Client, id string) (a answer) {
	t.Helper()
	for {
		e := c.Next()
		switch {
		case e.Local() == "message":
			a.ids = append(a.ids, e.First().First().Child(element.NSClient, "message").Attr("id"))
		case e.Attr("id") == id && e.Attr("type") == "result":
			a.fin = e.First()
			return a
		case e.Local() == "iq":
			t.Fatalf("got %s, want the answer to %s", e, id)
		}
	}
}

// TestSlowClient asks for ten pages, forwards, backwards and flipped, and reads
// nothing: no more than the outbox's first mark waits for it. Then all comes, in
// order.
func TestSlowClient(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	l := new(line)
	c := l.over(t, s, "r")
	stock(t, s, 14, large)
	pages := []struct{ inner, want string }{
		{"", "abcdefghijklmn. of 14"},
		{rsm("<before/>"), "abcdefghijklmn. of 14"},
		{"<flip-page/>", "nmlkjihgfedcba. of 14"},
		{rsm("<max>9</max><before/>") + "<flip-page/>", "nmlkjihgf of 14"},
		{rsm("<max>9</max><before/>"), "fghijklmn of 14"},
		{rsm("<max>9</max>") + "<flip-page/>", "ihgfedcba of 14"},
		{rsm("<max>9</max>"), "abcdefghi of 14"},
		{rsm("<max>0</max>"), " of 14"},
	}
	var ask []string
	for _, p := range pages {
		ask = append(ask, p.inner)
	}
	stuffed(t, s, l, c, ask...)
	l.deaf.Unlock()
	for i, p := range pages {
		if got := takePage(t, c, fmt.Sprint("q", i)).String(); got != p.want {
			t.Errorf("page %d: got %q, want %q", i, got, p.want)
		}
	}
}

// TestClientGone has a client leave in the middle of its page.
func TestClientGone(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	l := new(line)
	c := l.over(t, s, "r")
	stock(t, s, 14, large)
	stuffed(t, s, l, c, "", "", "")
	defer l.deaf.Unlock()
	_ = l.Close()
	coretest.Eventually(t, "the session is gone", func() bool { return !s.Host(coretest.Domain).Connected("romeo") })
}

// TestResumedPage has a client whose connection breaks in the middle of its page
// get the rest over the next one (XEP-0198).
func TestResumedPage(t *testing.T) {
	s := coretest.New(t, strings.Replace(config, "{", "{ \"smacks\",", 1), modules.All...)
	l := new(line)
	c := l.over(t, s, "r")
	stock(t, s, 14, large)
	c.Send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
	enabled := c.Next()
	if enabled.Local() != "enabled" {
		t.Fatalf("got %s", enabled)
	}
	stuffed(t, s, l, c, "")
	_ = l.Close()
	l.deaf.Unlock()
	again := new(line).over(t, s, "")
	again.Send("<resume xmlns='urn:xmpp:sm:3' h='0' previd='" + enabled.Attr("id") + "'/>")
	if e := again.Next(); e.Local() != "resumed" {
		t.Fatalf("got %s", e)
	}
	if got := takePage(t, again, "q0").String(); got != "abcdefghijklmn. of 14" {
		t.Errorf("got %q", got)
	}
}

// TestStoredForms has messages in the archive that are not as we write them.
func TestStoredForms(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	romeo := s.Login("romeo", "orchard")
	a := shelf(t, s)
	cases := []struct{ body, want string }{
		{"<message id='1'><body>a &amp; b</body></message>", "<message id='1'><body>a &amp; b</body></message>"},
		{"<message/>", "<message/>"},
		{"<message xmlns:p='urn:p' p:x='1' id='3'><p:y/></message>", "<message xmlns:p='urn:p' p:x='1' id='3'><p:y/></message>"},
		{"<message xmlns='jabber:client' id='4'><x xmlns='urn:x'/></message>", "<message id='4'><x xmlns='urn:x'/></message>"},
		{"<message id='5'/><message/>", ""},
		{"<message id='6'>", ""},
		{"<messages id='7'/>", ""},
		{"</forwarded></result>", ""},
		{"", ""},
	}
	for _, tt := range cases {
		if _, _, err := a.Append("romeo", storage.Entry{When: time.Now(), Body: []byte(tt.body)}); err != nil {
			t.Fatal(err)
		}
	}
	romeo.Send("<iq type='set' id='q'><query xmlns='" + nsMAM + "' queryid='&lt;&apos;&quot;&amp;'/></iq>")
	for _, tt := range cases {
		e := romeo.Next().First()
		if !e.Is(nsMAM, "result") || e.Attr("queryid") != "<'\"&" || e.Attr("id") == "" {
			t.Fatalf("got %s", e)
		}
		got := e.First().Child(element.NSClient, "message")
		if tt.want == "" {
			if !got.IsZero() {
				t.Errorf("%s: got %s, want none", tt.body, got)
			}
			continue
		}
		want, err := element.Parse([]byte(tt.want))
		if err != nil {
			t.Fatal(err)
		}
		if !element.Equal(got, want) {
			t.Errorf("%s: got %s", tt.body, got)
		}
	}
	if e := romeo.Next(); e.Attr("type") != "result" {
		t.Errorf("got %s", e)
	}
}
