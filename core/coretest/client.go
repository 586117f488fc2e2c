// SPDX-License-Identifier: Apache-2.0

package coretest

import (
	"net"
	"testing"

	"tercet/core/element"
	"tercet/core/golden"
)

// A Client is one stream to a server, for tests: what goes wrong ends the test.
type Client struct {
	*golden.Stream
	t testing.TB
}

// NewClient wraps a connection to the c2s service of a server. Nothing has
// been sent yet.
func NewClient(t testing.TB, c net.Conn, domain string) *Client {
	t.Cleanup(func() { _ = c.Close() }) // a second close is no fault
	return &Client{golden.NewStream(c, domain), t}
}

// Send writes bytes as they are.
func (c *Client) Send(xml string) {
	c.t.Helper()
	if err := c.Stream.Send(xml); err != nil {
		c.t.Log(err)
	}
}

// Open sends a stream header and returns the features.
func (c *Client) Open() element.Element {
	c.t.Helper()
	return c.must(c.Stream.Open())
}

// Plain authenticates by SASL PLAIN and reopens the stream.
func (c *Client) Plain(user, password string) element.Element {
	c.t.Helper()
	return c.must(c.Stream.Plain(user, password))
}

// Bind binds a resource.
func (c *Client) Bind(resource string) {
	c.t.Helper()
	if err := c.Stream.Bind(resource); err != nil {
		c.t.Fatal(err)
	}
}

// Next returns the next element that comes. It skips stream headers.
func (c *Client) Next() element.Element {
	c.t.Helper()
	return c.must(c.Stream.Next())
}

func (c *Client) must(e element.Element, err error) element.Element {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

// Quiet asserts that nothing has come: it sends a ping to the server and wants
// the answer to be the next element.
func (c *Client) Quiet() {
	c.t.Helper()
	came, err := c.Stream.Quiet()
	for _, e := range came {
		c.t.Errorf("%s: came unexpectedly: %s", c.JID, e)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// Ended waits for the end of the stream and returns the stream error, if one
// was told.
func (c *Client) Ended() (cause element.Element) {
	c.t.Helper()
	return c.must(c.Stream.Ended())
}

// Login connects a user and binds a resource, all in one.
func (s *Server) Login(user, resource string) *Client {
	s.t.Helper()
	stream, err := s.Server.Login(s.t.Context(), user, resource)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = stream.Conn.Close() }) // a second close is no fault
	return &Client{stream, s.t}
}

// Password is the password that a test's user has.
func Password(user string) string { return golden.Password(user) }
