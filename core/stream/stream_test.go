// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/stream"
	"tercet/core/transport"
)

// peer is the initiating entity's end of a stream in memory.
type peer struct {
	net.Conn
	mu  sync.Mutex // guards got
	got bytes.Buffer
	end chan struct{}
}

// open starts a stream on a host with an empty table, and collects what the
// peer gets.
func open(t *testing.T, g *stream.Group, attach func(*ext.Scope)) *peer {
	t.Helper()
	table := ext.NewTable()
	scope := ext.NewScope(t.Context(), "test", table)
	if attach != nil {
		attach(scope)
	}
	if err := ext.Swap(table, []ext.Change{{New: scope}}); err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	p := &peer{Conn: ours, end: make(chan struct{})}
	st := stream.New(transport.New(theirs, transport.Options{}), netip.AddrPort{}, &stream.Options{
		Kind: "c2s", Content: element.NSClient, Limits: element.DefaultLimits, Authed: element.DefaultLimits,
		Negotiation: 10 * time.Second, Log: slog.New(slog.DiscardHandler),
		Open: func(s *stream.Stream, h element.Header) error {
			if h.To != "example.org" {
				return stream.Fail(stream.HostUnknown, "")
			}
			s.Enter(h.To, table)
			return nil
		},
	})
	g.Start(st, nil)
	go func() {
		defer close(p.end)
		buf := make([]byte, 4096)
		for {
			n, err := p.Read(buf)
			p.mu.Lock()
			p.got.Write(buf[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { _ = p.Close() }) // the stream may have ended
	return p
}

func (p *peer) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got.String()
}

const header = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0'>"

// TestEnds are the ways in which a stream ends: RFC 6120 section 4.9.3.
func TestEnds(t *testing.T) {
	tests := []struct {
		name, sent string
		want       []string
	}{
		{"in order", header + "</stream:stream>", []string{"<stream:features></stream:features></stream:stream>"}},
		{"host-unknown", strings.Replace(header, "example.org", "example.net", 1), []string{"<host-unknown", "</stream:stream>"}},
		{"invalid-namespace", strings.Replace(header, "jabber:client", "jabber:server", 1), []string{"<invalid-namespace"}},
		{"unsupported-version", strings.Replace(header, "version='1.0'>", ">", 1), []string{"<unsupported-version"}},
		{"not-authorized before authentication", header + "<message><body>x</body></message>", []string{"<not-authorized"}},
		{"unsupported-stanza-type", header + "<letter/>", []string{"<unsupported-stanza-type"}},
		{"nothing that was never XML", "GET / HTTP/1.1\r\n\r\n", []string{"<stream:error>", "</stream:stream>"}},
		{"a comment", header + "<!-- -->", []string{"<restricted-xml"}},
		{"mismatched end", header + "<iq></message>", []string{"<not-well-formed"}},
		{"a panic in a module", header + "<panic xmlns='urn:test'/>", []string{"<internal-server-error"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := stream.NewGroup(t.Context())
			p := open(t, g, func(s *ext.Scope) {
				stream.Nonza.Handle(s, element.Name{Space: "urn:test", Local: "panic"}, 0, func(context.Context, *stream.Event) ext.Verdict {
					panic("a fault of the module")
				})
			})
			_, _ = io.WriteString(p, tt.sent) // the server may have closed before the end
			select {
			case <-p.end:
			case <-time.After(10 * time.Second):
				t.Fatalf("the stream did not end: %s", p.text())
			}
			got := p.text()
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("got %s, want %s", got, want)
				}
			}
			if strings.Contains(got, "fault of the module") {
				t.Error("the panic is told to the peer")
			}
			if g.Len() != 0 && !eventually(func() bool { return g.Len() == 0 }) {
				t.Error("the group still has the stream")
			}
		})
	}
}

func eventually(ok func() bool) bool {
	for range 1000 {
		if ok() {
			return true
		}
		<-time.After(time.Millisecond)
	}
	return false
}

func TestStopTellsAllStreams(t *testing.T) {
	g := stream.NewGroup(t.Context())
	peers := make([]*peer, 5)
	for i := range peers {
		peers[i] = open(t, g, nil)
		if _, err := io.WriteString(peers[i], header); err != nil {
			t.Fatal(err)
		}
		if !eventually(func() bool { return strings.Contains(peers[i].text(), "features") }) {
			t.Fatal("no features")
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := g.Stop(ctx, stream.Fail(stream.SystemShutdown, "until tomorrow")); err != nil {
		t.Fatal(err)
	}
	for _, p := range peers {
		<-p.end
		if got := p.text(); !strings.Contains(got, "<system-shutdown") || !strings.Contains(got, "until tomorrow") {
			t.Errorf("got %s, want system-shutdown", got)
		}
	}
}

// TestFeaturesAndHandlersFollow plays a feature and what it asks for.
func TestFeaturesAndHandlersFollow(t *testing.T) {
	name := element.Name{Space: "urn:test", Local: "greet"}
	p := open(t, stream.NewGroup(t.Context()), func(s *ext.Scope) {
		stream.Features.Handle(s, 0, func(_ context.Context, ev *stream.FeaturesEvent) ext.Verdict {
			ev.Add(element.New(name.Space, "greeting").Element())
			return ext.Next
		})
		stream.Nonza.Handle(s, name, 0, func(_ context.Context, ev *stream.Event) ext.Verdict {
			ev.Stream.Send(element.New(name.Space, "hello").Element())
			ev.Stream.Then(func(context.Context) error {
				ev.Stream.Send(element.New(name.Space, "then").Element())
				return nil
			})
			return ext.Stop
		})
	})
	if _, err := io.WriteString(p, header+"<greet xmlns='urn:test'/> \n"); err != nil {
		t.Fatal(err)
	}
	want := "<stream:features><greeting xmlns='urn:test'/></stream:features><hello xmlns='urn:test'/><then xmlns='urn:test'/>"
	if !eventually(func() bool { return strings.HasSuffix(p.text(), want) }) {
		t.Errorf("got %s, want %s at its end", p.text(), want)
	}
}
