// SPDX-License-Identifier: Apache-2.0

package element

import (
	"math/rand/v2"
	"testing"
)

// readOne reads the one element that follows a stream's start tag.
func readOne(t *testing.T, header string, b []byte) (Element, error) {
	t.Helper()
	r := NewReader(Limits{Bytes: 1 << 20, Depth: 200, Attrs: 100, Children: 10000})
	for _, s := range []string{header, string(b)} {
		copy(r.Space(len(s)), s)
		r.Filled(len(s))
	}
	if tok, err := r.Next(); err != nil || tok.Kind != StreamHeader {
		t.Fatalf("%q: %+v, %v", header, tok, err)
	}
	tok, err := r.Next()
	if err == nil && tok.Kind == Whitespace {
		tok, err = r.Next()
	}
	if err == nil && tok.Kind != TopLevel {
		return Element{}, ErrMore
	}
	return tok.Element, err
}

const (
	clientHeader = `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`
	serverHeader = `<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback'>`
)

// journey sends what a client has sent through a forward, a carbon, a server
// stream and back, and fails if a tree changes on the way.
func journey(t *testing.T, header string, b []byte) bool {
	t.Helper()
	e, err := readOne(t, header, b)
	if err != nil {
		return false
	}
	checkNormal(t, e)
	stored, err := Parse([]byte(e.String()))
	if err != nil || !Equal(stored, e) {
		t.Fatalf("%s stored and back is %s, %v", e, stored, err)
	}
	carbon := New(NSClient, "message").Attr("to", "a@b/c").Open("urn:xmpp:carbons:2", "received").
		Open("urn:xmpp:forward:0", "forwarded").Child(e).Element()
	if carbon.IsZero() {
		t.Fatalf("%s has no carbon", e)
	}
	checkNormal(t, carbon)
	at, err := readOne(t, serverHeader, carbon.AppendTo(nil, NSClient))
	if err != nil {
		t.Fatalf("%s on a server stream: %v", carbon, err)
	}
	if !Equal(at, carbon) {
		t.Fatalf("a server stream makes\n%s of\n%s", at, carbon)
	}
	inner := at.First().First().First()
	if !Equal(inner, e) {
		t.Fatalf("in the carbon is\n%s, not\n%s", inner, e)
	}
	out, err := readOne(t, clientHeader, inner.AppendTo(nil, NSClient))
	if err != nil || !Equal(out, e) {
		t.Fatalf("taken out of the carbon it is\n%s, not\n%s (%v)", out, e, err)
	}
	eachBelow(t, e, 3)
	return true
}

// eachBelow takes all elements below e out of their document and puts them
// into other namespaces.
func eachBelow(t *testing.T, e Element, depth int) {
	t.Helper()
	for c := range e.Children() {
		for _, parent := range []string{NSClient, "urn:x", "", c.Space()} {
			b := append(AppendEscapedAttr([]byte("<a xmlns='"), parent), "'>"...)
			b = c.AppendTo(b, parent)
			back, err := Parse(append(b, "</a>"...))
			if err != nil || !Equal(back.First(), c) {
				t.Fatalf("%s of\n%s below %q gives %s, %v", c, e, parent, back, err)
			}
		}
		if depth > 0 {
			eachBelow(t, c, depth-1)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(297, 280))
	pool := make([][]byte, len(seeds))
	for i, s := range seeds {
		pool[i] = []byte(s)
	}
	passed := 0
	for range 20_000 {
		b := mutate(r, pool[r.IntN(len(pool))])
		if len(b) > 0 && journey(t, headers[r.IntN(len(headers))], b) {
			passed++
			if len(pool) < 1000 {
				pool = append(pool, b)
			}
		}
	}
	t.Logf("%d journeys", passed)
	if passed < 2000 {
		t.Errorf("only %d journeys: the mutations lost their sense", passed)
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, s := range seeds {
		for i := range headers {
			f.Add(i, []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, header int, b []byte) {
		if len(b) > 0 {
			journey(t, headers[uint(header)%uint(len(headers))], b)
		}
	})
}
