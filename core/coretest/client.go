// SPDX-License-Identifier: Apache-2.0

package coretest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"tercet/core/element"
)

// patience is how long a client waits for what must come.
const patience = 10 * time.Second

// A Client is one stream to a server, for tests: it sends what it is told and
// hands out the elements that come.
type Client struct {
	Conn net.Conn
	JID  string

	t      testing.TB
	domain string
	read   *element.Reader
	items  chan item
	held   []element.Element // read ahead
}

type item struct {
	tok element.Token
	err error
}

// NewClient wraps a connection to the c2s service of a server. Nothing has
// been sent yet.
func NewClient(t testing.TB, c net.Conn, domain string) *Client {
	cl := &Client{Conn: c, t: t, domain: domain}
	t.Cleanup(func() { _ = c.Close() }) // a second close is no fault
	cl.start()
	return cl
}

func (c *Client) start() {
	c.read = element.NewReader(element.Limits{Bytes: 16 << 20, Depth: 256, Attrs: 256, Children: 1 << 20})
	c.items = make(chan item, 4096)
	go c.pump(c.Conn, c.read, c.items)
}

// pump reads until the connection ends or is told to stop by a deadline.
func (c *Client) pump(conn net.Conn, r *element.Reader, out chan<- item) {
	defer close(out)
	for {
		for {
			tok, err := r.Next()
			if errors.Is(err, element.ErrMore) {
				break
			}
			if err != nil || tok.Kind == element.StreamEnd {
				out <- item{tok, err}
				return
			}
			if tok.Kind == element.StreamHeader || tok.Kind == element.TopLevel {
				out <- item{tok: tok}
			}
			if tok.Kind == element.TopLevel && restarts(tok.Element) {
				r.Restart()
			}
			if tok.Kind == element.TopLevel && tok.Element.Local() == "proceed" {
				return // TLS comes next; StartTLS starts again
			}
		}
		n, err := conn.Read(r.Space(4096))
		r.Filled(n)
		if err != nil && n == 0 {
			out <- item{err: err}
			return
		}
	}
}

func restarts(e element.Element) bool {
	return e.Is("urn:ietf:params:xml:ns:xmpp-sasl", "success")
}

// Wrap replaces the connection, after TLS has been negotiated on it.
func (c *Client) Wrap(conn net.Conn) {
	c.Conn = conn
	c.start()
}

// Send writes bytes as they are.
func (c *Client) Send(xml string) {
	c.t.Helper()
	_ = c.Conn.SetWriteDeadline(time.Now().Add(patience)) // a pipe has no failure here
	if _, err := io.WriteString(c.Conn, xml); err != nil {
		c.t.Logf("%s: send: %v", c.JID, err)
	}
}

// Open sends a stream header and returns the features.
func (c *Client) Open() element.Element {
	c.t.Helper()
	c.Send("<?xml version='1.0'?><stream:stream to='" + c.domain +
		"' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>")
	f := c.Next()
	if !f.Is(element.NSStream, "features") {
		c.t.Fatalf("%s: want features, got %s", c.JID, f)
	}
	return f
}

// Plain authenticates by SASL PLAIN and reopens the stream.
func (c *Client) Plain(user, password string) element.Element {
	c.t.Helper()
	c.Open()
	token := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
	c.Send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + token + "</auth>")
	if e := c.Next(); e.Local() != "success" {
		c.t.Fatalf("%s: login: %s", c.JID, e)
	}
	return c.Open()
}

// Bind binds a resource.
func (c *Client) Bind(resource string) {
	c.t.Helper()
	c.Send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" + resource + "</resource></bind></iq>")
	e := c.Next()
	if e.Attr("type") != "result" {
		c.t.Fatalf("%s: bind: %s", c.JID, e)
	}
	c.JID = e.First().ChildText("urn:ietf:params:xml:ns:xmpp-bind", "jid")
}

// Next returns the next element that comes. It skips stream headers.
func (c *Client) Next() element.Element {
	c.t.Helper()
	e, err := c.Try(patience)
	if err != nil {
		c.t.Fatalf("%s: nothing came: %v", c.JID, err)
	}
	return e
}

// errQuiet says that nothing came in time.
var errQuiet = errors.New("nothing within the time")

// Try returns the next element, or how the stream has ended: io.EOF after
// </stream:stream>.
func (c *Client) Try(wait time.Duration) (element.Element, error) {
	if len(c.held) > 0 {
		e := c.held[0]
		c.held = c.held[1:]
		return e, nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case it, ok := <-c.items:
			switch {
			case !ok:
				return element.Element{}, io.EOF
			case it.err != nil:
				return element.Element{}, it.err
			case it.tok.Kind == element.StreamEnd:
				return element.Element{}, io.EOF
			case it.tok.Kind == element.StreamHeader:
				continue
			}
			return it.tok.Element, nil
		case <-timer.C:
			return element.Element{}, errQuiet
		}
	}
}

// Quiet asserts that nothing has come: it sends a ping to the server and wants
// the answer to be the next element.
func (c *Client) Quiet() {
	c.t.Helper()
	const id = "coretest-quiet"
	c.Send("<iq type='get' id='" + id + "'><ping xmlns='urn:xmpp:ping'/></iq>")
	for {
		e := c.Next()
		if e.Attr("id") == id {
			return
		}
		c.t.Errorf("%s: came unexpectedly: %s", c.JID, e)
	}
}

// Ended waits for the end of the stream and returns the stream error, if one
// was told.
func (c *Client) Ended() (cause element.Element) {
	c.t.Helper()
	for {
		e, err := c.Try(patience)
		if errors.Is(err, errQuiet) {
			c.t.Fatalf("%s: the stream did not end", c.JID)
		}
		if err != nil {
			return cause
		}
		if e.Is(element.NSStream, "error") {
			cause = e
		}
	}
}

// Login connects a user and binds a resource, all in one.
func (s *Server) Login(user, resource string) *Client {
	s.t.Helper()
	s.AddUser(Domain, user, Password(user))
	c := NewClient(s.t, s.Dial("c2s"), Domain)
	c.JID = fmt.Sprintf("%s@%s/%s", user, Domain, resource)
	c.Plain(user, Password(user))
	c.Bind(resource)
	return c
}

// Password is the password that a test's user has.
func Password(user string) string { return "secret of " + strings.ToLower(user) }
