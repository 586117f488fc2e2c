// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"tercet/core/element"
)

// Patience is how long a client waits for what must come.
const Patience = 10 * time.Second

// A Stream is one client's stream to a server: it sends what it is told and
// hands out the elements that come.
type Stream struct {
	Conn net.Conn
	JID  string

	domain string
	read   *element.Reader
	items  chan item
}

type item struct {
	tok element.Token
	err error
}

// NewStream wraps a connection to the c2s service of a server. Nothing has
// been sent yet.
func NewStream(c net.Conn, domain string) *Stream {
	s := &Stream{Conn: c, domain: domain}
	s.start()
	return s
}

func (s *Stream) start() {
	s.read = element.NewReader(element.Limits{Bytes: 16 << 20, Depth: 256, Attrs: 256, Children: 1 << 20})
	s.items = make(chan item, 4096)
	go pump(s.Conn, s.read, s.items)
}

// pump reads until the connection ends or is told to stop by a deadline.
func pump(conn net.Conn, r *element.Reader, out chan<- item) {
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
				return // TLS comes next; Wrap starts again
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
func (s *Stream) Wrap(conn net.Conn) {
	s.Conn = conn
	s.start()
}

// Send writes bytes as they are.
func (s *Stream) Send(xml string) error {
	_ = s.Conn.SetWriteDeadline(time.Now().Add(Patience)) // a pipe has no failure here
	if _, err := io.WriteString(s.Conn, xml); err != nil {
		return fmt.Errorf("%s: send: %w", s.JID, err)
	}
	return nil
}

// Open sends a stream header and returns the features.
func (s *Stream) Open() (element.Element, error) {
	err := s.Send("<?xml version='1.0'?><stream:stream to='" + s.domain +
		"' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>")
	if err != nil {
		return element.Element{}, err
	}
	f, err := s.Next()
	if err == nil && !f.Is(element.NSStream, "features") {
		err = fmt.Errorf("%s: want features, got %s", s.JID, f)
	}
	return f, err
}

// Plain authenticates by SASL PLAIN, reopens the stream and returns the
// features.
func (s *Stream) Plain(user, password string) (element.Element, error) {
	if f, err := s.Open(); err != nil {
		return f, err
	}
	token := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
	if err := s.Send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + token + "</auth>"); err != nil {
		return element.Element{}, err
	}
	e, err := s.Next()
	if err != nil {
		return e, err
	}
	if e.Local() != "success" {
		return e, fmt.Errorf("%s: login: %s", s.JID, e)
	}
	return s.Open()
}

// Bind binds a resource.
func (s *Stream) Bind(resource string) error {
	if err := s.Send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" + resource + "</resource></bind></iq>"); err != nil {
		return err
	}
	e, err := s.Next()
	if err != nil {
		return err
	}
	if e.Attr("type") != "result" {
		return fmt.Errorf("%s: bind: %s", s.JID, e)
	}
	s.JID = e.First().ChildText("urn:ietf:params:xml:ns:xmpp-bind", "jid")
	return nil
}

// Next returns the next element that comes. It skips stream headers.
func (s *Stream) Next() (element.Element, error) {
	e, err := s.Try(Patience)
	if err != nil {
		return e, fmt.Errorf("%s: nothing came: %w", s.JID, err)
	}
	return e, nil
}

// errQuiet says that nothing came in time.
var errQuiet = errors.New("nothing within the time")

// Try returns the next element, or how the stream has ended: io.EOF after
// </stream:stream>.
func (s *Stream) Try(wait time.Duration) (element.Element, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case it, ok := <-s.items:
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

// Quiet finds out that nothing has come: it sends a ping to the server and
// wants the answer to be the next element. It returns what came before that.
func (s *Stream) Quiet() (came []element.Element, err error) {
	const id = "coretest-quiet"
	if err := s.Send("<iq type='get' id='" + id + "'><ping xmlns='urn:xmpp:ping'/></iq>"); err != nil {
		return nil, err
	}
	for {
		e, err := s.Next()
		if err != nil || e.Attr("id") == id {
			return came, err
		}
		came = append(came, e)
	}
}

// Ended waits for the end of the stream and returns the stream error, if one
// was told.
func (s *Stream) Ended() (cause element.Element, err error) {
	for {
		e, err := s.Try(Patience)
		if errors.Is(err, errQuiet) {
			return cause, fmt.Errorf("%s: the stream did not end", s.JID)
		}
		if err != nil {
			return cause, nil
		}
		if e.Is(element.NSStream, "error") {
			cause = e
		}
	}
}
