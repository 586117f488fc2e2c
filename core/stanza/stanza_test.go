// SPDX-License-Identifier: Apache-2.0

package stanza_test

import (
	"errors"
	"strings"
	"testing"

	"tercet/core/element"
	"tercet/core/jid"
	"tercet/core/stanza"
)

const ns = element.NSClient

func parse(t *testing.T, s string) *stanza.Stanza {
	t.Helper()
	got, err := stanza.Parse([]byte(s))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return got
}

func elem(t *testing.T, s string) element.Element {
	t.Helper()
	e, err := element.Parse([]byte(s))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return e
}

func text(s *stanza.Stanza) string { return string(s.AppendTo(nil)) }

func TestRead(t *testing.T) {
	s := parse(t, `<message xml:lang='de' id='1' from='A@b/c' to='d@E' type='chat' x='y'><body>hi</body><x xmlns='urn:x'/></message>`)
	if s.Kind != stanza.Message || s.Type != "chat" || s.ID != "1" || s.Lang != "de" ||
		s.From != jid.MustParse("a@b/c") || s.To != jid.MustParse("d@e") || s.Body() != "hi" {
		t.Errorf("got %+v", s)
	}
	if !s.First().Is(ns, "body") || s.Child("urn:x", "x").IsZero() || !s.Child("urn:y", "x").IsZero() || s.ChildText(ns, "body") != "hi" {
		t.Error("wrong payload")
	}
	if got, want := text(s), `<message from='a@b/c' to='d@e' type='chat' id='1' xml:lang='de' x='y'><body>hi</body><x xmlns='urn:x'/></message>`; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// readErrors has the rules of RFC 6120 8.1 and 8.2.3 and RFC 6121 4.7.1 and
// 5.2.2.
var readErrors = []struct {
	name, in string
	want     stanza.Condition // "" if it is valid
}{
	{"message", `<message/>`, ""},
	{"message of an unknown type", `<message type='x'/>`, ""},
	{"presence", `<presence/>`, ""},
	{"presence of a type", `<presence type='probe'/>`, ""},
	{"presence of an unknown type", `<presence type='available'/>`, stanza.BadRequest},
	{"presence of an empty type", `<presence type=''/>`, ""},
	{"get", `<iq type='get' id='1'><a/></iq>`, ""},
	{"get with blanks", "<iq type='get' id='1'>\n <a/> </iq>", ""},
	{"set without payload", `<iq type='set' id='1'/>`, stanza.BadRequest},
	{"set with two payloads", `<iq type='set' id='1'><a/><b/></iq>`, stanza.BadRequest},
	{"result", `<iq type='result' id='1'/>`, ""},
	{"result with a payload", `<iq type='result' id='1'><a/></iq>`, ""},
	{"result with two payloads", `<iq type='result' id='1'><a/><b/></iq>`, stanza.BadRequest},
	{"error", `<iq type='error' id='1'/>`, ""},
	{"error with its request", `<iq type='error' id='1'><a/><error/></iq>`, ""},
	{"iq without an id", `<iq type='get'><a/></iq>`, stanza.BadRequest},
	{"iq with an empty id", `<iq type='get' id=''><a/></iq>`, stanza.BadRequest},
	{"iq without a type", `<iq id='1'><a/></iq>`, stanza.BadRequest},
	{"iq of an unknown type", `<iq type='subscribe' id='1'><a/></iq>`, stanza.BadRequest},
	{"malformed to", `<message to='@'/>`, stanza.JIDMalformed},
	{"empty to", `<message to=''/>`, stanza.JIDMalformed},
	{"malformed from", `<message from='a@b@c' to='d@e'/>`, stanza.JIDMalformed},
	{"malformed in two ways", `<iq to='@'/>`, stanza.JIDMalformed},
}

func TestReadErrors(t *testing.T) {
	for _, tt := range readErrors {
		t.Run(tt.name, func(t *testing.T) {
			s, err := stanza.Read(elem(t, tt.in))
			if tt.want == "" {
				if err != nil || s == nil {
					t.Errorf("got %v", err)
				}
				return
			}
			var e *stanza.Error
			if !errors.As(err, &e) || e.Condition != tt.want || s == nil {
				t.Errorf("got %+v, %v, want %s", s, err, tt.want)
			}
			if _, err := stanza.Parse([]byte(tt.in)); !errors.As(err, &e) {
				t.Errorf("Parse gives %v", err)
			}
		})
	}
	for _, in := range []string{`<a/>`, `<message xmlns='urn:x'/>`, `<message xmlns='jabber:server'/>`, `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>`} {
		if s, err := stanza.Read(elem(t, in)); err == nil || s != nil {
			t.Errorf("%s is a stanza: %+v, %v", in, s, err)
		}
	}
	if s, err := stanza.Read(element.Element{}); err == nil || s != nil {
		t.Errorf("nothing is a stanza: %+v, %v", s, err)
	}
	if s, err := stanza.Parse([]byte(`<message>`)); err == nil || s != nil {
		t.Errorf("ill-formed bytes are a stanza: %+v, %v", s, err)
	}
	s, _ := stanza.Read(elem(t, `<iq type='get' id='7' to='@' from='a@b/c'><q xmlns='urn:q'/></iq>`))
	want := `<iq to='a@b/c' type='error' id='7'><error type='modify'><jid-malformed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`
	if got := text(stanza.ErrorReply(s, stanza.Fail(stanza.JIDMalformed, ""))); got != want {
		t.Errorf("the answer to a malformed address is\n%s, want\n%s", got, want)
	}
}

func TestWith(t *testing.T) {
	const src = `<message from='a@b' to='c@d' type='chat' id='1' xml:lang='de' xmlns:p='urn:p' p:q='1'><body>hi</body><x xmlns='urn:x' p:q='2'/></message>`
	s := parse(t, src)
	y := elem(t, `<y xmlns='urn:y'/>`)
	foreign := elem(t, `<a xmlns='urn:a'><message xmlns='jabber:client'/></a>`).First()
	isBody := func(e element.Element) bool { return e.Is(ns, "body") }
	tests := []struct {
		name string
		got  *stanza.Stanza
		want string
	}{
		{"from", s.WithFrom(jid.MustParse("x@y/z'")), strings.Replace(src, "a@b", "x@y/z&apos;", 1)},
		{"no from", s.WithFrom(jid.JID{}), strings.Replace(src, " from='a@b'", "", 1)},
		{"to", s.WithTo(jid.MustParse("x@y")), strings.Replace(src, "c@d", "x@y", 1)},
		{"type", s.WithType("headline"), strings.Replace(src, "chat", "headline", 1)},
		{"no type", s.WithType(""), strings.Replace(src, " type='chat'", "", 1)},
		{"id", s.WithID("<2>"), strings.Replace(src, "id='1'", "id='&lt;2>'", 1)},
		{"added", s.With(y, element.Element{}, foreign), strings.Replace(src, "</m", "<y xmlns='urn:y'/><message/></m", 1)},
		{"added twice", s.With(y).With(foreign), strings.Replace(src, "</m", "<y xmlns='urn:y'/><message/></m", 1)},
		{"taken", s.Without(isBody), strings.Replace(src, "<body>hi</body>", "", 1)},
		{"taken and added", s.Without(isBody).With(y), strings.Replace(strings.Replace(src, "<body>hi</body>", "", 1), "</m", "<y xmlns='urn:y'/></m", 1)},
		{"added and taken", s.With(y).Without(isBody), strings.Replace(strings.Replace(src, "<body>hi</body>", "", 1), "</m", "<y xmlns='urn:y'/></m", 1)},
		{"added and taken again", s.With(y).Without(func(e element.Element) bool { return e.Is("urn:y", "y") }), src},
		{"all taken", s.Without(func(element.Element) bool { return true }), `<message from='a@b' to='c@d' type='chat' id='1' xml:lang='de' xmlns:p='urn:p' p:q='1'/>`},
		{"nothing taken", s.Without(func(element.Element) bool { return false }), src},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := text(tt.got); got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
			if got := tt.got.Element(); !element.Equal(got, elem(t, tt.want)) {
				t.Errorf("as an element it is %s", got)
			}
			n := 0
			for range tt.got.Children() {
				n++
			}
			want := 0
			for range elem(t, tt.want).Children() {
				want++
			}
			if n != want {
				t.Errorf("%d children, want %d", n, want)
			}
			if text(s) != src {
				t.Errorf("the original is now %s", text(s))
			}
		})
	}
	if s.Without(isBody).Body() != "" || s.With(y).Child("urn:y", "y").IsZero() {
		t.Error("Child does not see the change")
	}
	if s.Element().String() != src || len(s.With(y).Element().String()) <= len(src) {
		t.Error("Element does not see the change")
	}
}

// TestWithDoesNotShare: two stanzas made from one do not write into each
// other's payload.
func TestWithDoesNotShare(t *testing.T) {
	s := stanza.New(stanza.Message, "", jid.JID{}, jid.JID{}, "").With(elem(t, `<a/>`)).With(elem(t, `<b/>`)).With(elem(t, `<c/>`))
	x, y := s.With(elem(t, `<x/>`)), s.With(elem(t, `<y/>`))
	if text(x) != `<message><a/><b/><c/><x/></message>` || text(y) != `<message><a/><b/><c/><y/></message>` {
		t.Errorf("got %s and %s", text(x), text(y))
	}
}

// TestInside: a stanza that is read out of a forward carries what was
// declared around it.
func TestInside(t *testing.T) {
	f := elem(t, `<forwarded xmlns='urn:xmpp:forward:0' xmlns:p='urn:p'><message xmlns='jabber:client' to='a@b'><x p:y='1'/><z xmlns='urn:z' p:y='2'/></message></forwarded>`)
	s, err := stanza.Read(f.First())
	if err != nil {
		t.Fatal(err)
	}
	want := `<message to='a@b' xmlns:p='urn:p'><x p:y='1'/><z xmlns='urn:z' p:y='2'/></message>`
	if got := text(s); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	want = `<message to='a@b' xmlns:p='urn:p'><z xmlns='urn:z' p:y='2'/></message>`
	if got := text(s.Without(func(e element.Element) bool { return e.Local() == "x" })); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	back := element.New("urn:xmpp:forward:0", "forwarded").Child(s.Forward()).Element()
	if !element.Equal(back, f) {
		t.Errorf("forwarded again it is %s", back)
	}
}

func TestFanOut(t *testing.T) {
	s := parse(t, `<message from='room@muc/nick' id='1' type='groupchat'><body>hi</body></message>`)
	shared := s.Shared()
	for _, to := range []string{"a@b/c", "d@e/f"} {
		j := jid.MustParse(to)
		got := string(shared.WithTo(j).AppendTo(nil))
		if got != text(s.WithTo(j)) {
			t.Errorf("got %s, want %s", got, text(s.WithTo(j)))
		}
	}
	x := element.New("urn:x", "x").Element()
	for name, change := range map[string]func(*stanza.Stanza) *stanza.Stanza{
		"from":    func(s *stanza.Stanza) *stanza.Stanza { return s.WithFrom(jid.MustParse("other@muc/nick")) },
		"type":    func(s *stanza.Stanza) *stanza.Stanza { return s.WithType("chat") },
		"id":      func(s *stanza.Stanza) *stanza.Stanza { return s.WithID("2") },
		"payload": func(s *stanza.Stanza) *stanza.Stanza { return s.With(x) },
		"less":    func(s *stanza.Stanza) *stanza.Stanza { return s.Without(func(element.Element) bool { return true }) },
		"more":    func(s *stanza.Stanza) *stanza.Stanza { return s.With(x).Shared().With(x) },
	} {
		if got, want := text(change(shared)), text(change(s)); got != want || got == text(shared) {
			t.Errorf("another %s: got %s, want %s", name, got, want)
		}
	}
	if got := text(shared); got != text(s) {
		t.Errorf("it was changed to %s", got)
	}
}

func TestNew(t *testing.T) {
	s := stanza.New(stanza.IQ, "set", jid.JID{}, jid.MustParse("a@b"), "x", element.New("urn:x", "q").Element(), element.Element{})
	if got, want := text(s), `<iq to='a@b' type='set' id='x'><q xmlns='urn:x'/></iq>`; got != want || s.Element().String() != want {
		t.Errorf("got %s and %s, want %s", got, s.Element(), want)
	}
	if got := text(stanza.New(stanza.Presence, "", jid.JID{}, jid.JID{}, "")); got != "<presence/>" {
		t.Errorf("got %s", got)
	}
	for k, want := range map[stanza.Kind]string{stanza.Message: "message", stanza.Presence: "presence", stanza.IQ: "iq", 9: "unknown"} {
		if k.String() != want {
			t.Errorf("kind %d is %s, want %s", k, k, want)
		}
	}
}

func TestNewID(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := stanza.NewID()
		if len(id) != 22 || seen[id] || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
}

// TestElementIsWritten: an element says what AppendTo writes, even if what
// was read had something that this leaves out.
func TestElementIsWritten(t *testing.T) {
	for _, in := range []string{
		`<message id=''/>`, `<message type=''/>`, `<message xml:lang=''/>`, `<message to='A@b'/>`, `<message xml:lang='de' id='1'/>`,
	} {
		s := parse(t, in)
		if got, want := s.Element(), elem(t, text(s)); !element.Equal(got, want) {
			t.Errorf("%s is the element %s, and written %s", in, got, want)
		}
	}
}

func FuzzStanza(f *testing.F) {
	f.Add([]byte(`<message id=''/>`))
	f.Add([]byte(`<message from='a@b/c' to='d@e' type='chat' id='1' xml:lang='de' x='y'><body>hi</body><x xmlns='urn:x'/></message>`))
	f.Add([]byte(`<iq type="get" id='&lt;' xmlns:p='urn:p' p:to='1'>text<q xmlns='urn:q'/></iq>`))
	f.Add([]byte(`<p:presence xmlns:p='jabber:client' type='probe'><p:c/></p:presence>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := stanza.Parse(b)
		if err != nil {
			return
		}
		once := s.AppendTo(nil)
		again, err := stanza.Parse(once)
		if err != nil {
			t.Fatalf("%q is written as %q: %v", b, once, err)
		}
		if twice := again.AppendTo(nil); string(twice) != string(once) {
			t.Fatalf("%q is written as %q, and that as %q", b, once, twice)
		}
		if again.Type != s.Type || again.ID != s.ID || again.Lang != s.Lang || again.From != s.From || again.To != s.To || again.Kind != s.Kind {
			t.Fatalf("%q: %+v became %+v", b, s, again)
		}
		if !element.Equal(s.Element(), again.Element()) {
			t.Fatalf("%q: %s became %s", b, s.Element(), again.Element())
		}
		first := true
		some := s.Without(func(element.Element) bool { first = !first; return first }).With(s.First())
		if _, err := element.Parse(some.AppendTo(nil)); err != nil {
			t.Fatalf("%q: filtered it is %q: %v", b, some.AppendTo(nil), err)
		}
	})
}
