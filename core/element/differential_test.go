// SPDX-License-Identifier: Apache-2.0

package element

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sort"
	"strings"
	"testing"
)

// stdTree reads one document with encoding/xml and returns it in a form that
// can be compared, or an error. Blanks in attributes become spaces, which
// XML 3.3.3 asks for and encoding/xml does not do.
func stdTree(b []byte) (string, error) {
	d := xml.NewDecoder(bytes.NewReader(b))
	d.DefaultSpace = NSClient
	var out strings.Builder
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			fmt.Fprintf(&out, "T%q", text.String())
			text.Reset()
		}
	}
	depth, roots := 0, 0
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) && depth == 0 && roots == 1 {
			return out.String(), nil
		} else if err != nil {
			return "", err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			flush()
			if depth++; depth == 1 {
				roots++
			}
			writeStart(&out, Name(tok.Name), func(yield func(Name, string) bool) {
				for _, a := range tok.Attr {
					if a.Name.Space != "xmlns" && a.Name != (xml.Name{Local: "xmlns"}) && !yield(Name(a.Name), a.Value) {
						return
					}
				}
			})
		case xml.EndElement:
			flush()
			out.WriteByte(')')
			depth--
		case xml.CharData:
			if depth > 0 {
				text.Write(tok)
			} else if len(bytes.TrimSpace(tok)) > 0 {
				return "", errors.New("text outside of the root")
			}
		default:
			return "", errors.New("restricted")
		}
	}
}

// ownTree is stdTree for an element of ours.
func ownTree(e Element) string {
	var out strings.Builder
	writeTree(&out, e)
	return out.String()
}

func writeTree(out *strings.Builder, e Element) {
	writeStart(out, e.Name(), e.Attrs())
	text := ""
	for n := e.firstNode(); n != 0; n = e.doc.recs[n].next {
		if e.doc.recs[n].kind == kindText {
			text += string(e.doc.appendText(nil, n))
			continue
		}
		if text != "" {
			fmt.Fprintf(out, "T%q", text)
			text = ""
		}
		writeTree(out, Element{e.doc, n})
	}
	if text != "" {
		fmt.Fprintf(out, "T%q", text)
	}
	out.WriteByte(')')
}

func writeStart(out *strings.Builder, n Name, attrs func(func(Name, string) bool)) {
	fmt.Fprintf(out, "{%s}%s(", blanksToSpaces.Replace(n.Space), n.Local)
	var list []string
	for n, v := range attrs {
		if n.Space == "xml" { // encoding/xml leaves the prefix as it is
			n.Space = NSXML
		}
		list = append(list, fmt.Sprintf("{%s}%s=%q;", blanksToSpaces.Replace(n.Space), n.Local, blanksToSpaces.Replace(v)))
	}
	sort.Strings(list)
	out.WriteString(strings.Join(list, ""))
}

var blanksToSpaces = strings.NewReplacer("\t", " ", "\n", " ")

// checkDifferential fails if b is accepted and encoding/xml refuses it or
// reads something else, and returns what was read.
func checkDifferential(t *testing.T, b []byte) (Element, error) {
	t.Helper()
	e, err := Parse(b)
	var d Doc
	again, err2 := d.Parse(b)
	if fmt.Sprint(err) != fmt.Sprint(err2) {
		t.Fatalf("%q: Parse says %v, an arena %v", b, err, err2)
	}
	if err != nil {
		if _, ok := errors.AsType[*Error](err); !ok {
			t.Fatalf("%q: error %v is no stream error", b, err)
		}
		return Element{}, err
	}
	want, stdErr := stdTree(b)
	if stdErr != nil {
		t.Fatalf("%q is accepted, encoding/xml says %v", b, stdErr)
	}
	if got := ownTree(e); got != want {
		t.Fatalf("%q:\n got %s\nwant %s", b, got, want)
	}
	if got := ownTree(again); got != want {
		t.Fatalf("%q in an arena:\n got %s\nwant %s", b, got, want)
	}
	checkNormal(t, e)
	return e, nil
}

// checkNormal fails if e, a whole document, is not in normal form, or if that
// is not stable.
func checkNormal(t *testing.T, e Element) {
	t.Helper()
	b := e.Raw()
	s := newScanner(wide, plain)
	defer s.free()
	if err := s.whole(b); err != nil || s.rewrite || s.drop != 0 {
		t.Fatalf("%q is no normal form: %v", b, err)
	}
	if len(s.recs) != len(e.doc.recs) {
		t.Fatalf("%q has %d records, want %d", b, len(e.doc.recs), len(s.recs))
	}
	for i := range s.recs {
		if got, want := e.doc.recs[i], s.recs[i]; got != want {
			t.Fatalf("%q: record %d is %+v, want %+v", b, i, got, want)
		}
	}
	if e.doc.prefixes != s.prefixes {
		t.Fatalf("%q: prefixes is %v", b, e.doc.prefixes)
	}
	if got := e.AppendTo(nil, NSClient); !bytes.Equal(got, b) {
		t.Fatalf("%q is written as %q", b, got)
	}
}

// seeds are well-formed and ill-formed elements from which others are made.
var seeds = []string{
	chat,
	`<a/>`, `<a></a>`, `<a b='c' d="e"/>`, `<a> text &lt;&gt;&amp;&apos;&quot; </a>`,
	`<a xmlns='jabber:client'><b xmlns='jabber:client'/></a>`,
	`<a xmlns='urn:x'><b xmlns=''><c xmlns='jabber:client'/></b></a>`,
	`<p:a xmlns:p='urn:p' p:b='1' b='2'><p:c/><c xmlns:p='urn:q' p:b='3'/></p:a>`,
	`<a xmlns:p='urn:p' xmlns:q='urn:p'><b p:c='1' q:d='2'/></a>`,
	`<a xml:lang='de' xml:space='preserve'>&#228;&#xE4;&#x1F600;</a>`,
	`<a><![CDATA[<b>&amp;]]]]><![CDATA[>]]></a>`, `<a>]] ></a>`,
	"<a b='1\t2\r\n3\n4'>1\r\n2\r3\n</a >",
	`<message to='a@b'><body>Grüße, 世界 😀</body><x xmlns='jabber:x:oob'><url>http://x/?a=1&amp;b=2</url></x></message>`,
	`<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='a@b' name='A &amp; B'><group>G</group></item></query></iq>`,
	`<presence><show>away</show><priority>1</priority><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/></presence>`,
	`<é:à xmlns:é='urn:é'><ö:ü xmlns:ö='urn:é'/></é:à>`,
	`<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body>hi</body></message></forwarded>`,
	`<!-- c --><a/>`, `<a><?pi x?></a>`, `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, `<a b='<'/>`, `<a b=c/>`, `<a b='1' b='2'/>`,
	`<a></b>`, `<a:b/>`, `<a b:c='d'/>`, `<a>&#0;</a>`, "<a>\x00</a>", "<a>\xff</a>", `<a b='1'c='2'/>`, `<a`, `<1/>`, `<a:b:c/>`,
}

// tokens are pieces that mutations put in.
var tokens = []string{
	"<", ">", "/", "/>", "</", "<a>", "</a>", "<b/>", "'", "\"", "=", " ", "\t", "\n", "\r", "\r\n", "&", ";", "&lt;", "&amp;", "&#65;",
	"&#x41;", "&#0;", "&#xD800;", "&#xFFFE;", "&#99999999999;", "&x;", "]]>", "]]", "<![CDATA[", "<!--", "-->", "<?a", "?>", "<!DOCTYPE a>",
	"xmlns='jabber:client'", " xmlns='urn:x'", " xmlns=''", " xmlns:p='urn:p'", " xmlns:p='jabber:client'", " xmlns:q='urn:p'", " xmlns:p=''",
	" xmlns:xml='http://www.w3.org/XML/1998/namespace'", " xmlns:xmlns='urn:x'", " xmlns:p='http://www.w3.org/2000/xmlns/'", "p:", "q:", "xml:",
	"xmlns:", ":", " b='1'", " p:b='1'", " q:b='1'", "é", "\u0301", "世", "😀", "\u00d7", "\ufffe", "\xc3", "\xed\xa0\x80", "\x00", "\x0b", "\x7f", "0", "-", ".",
}

// mutate returns a document that differs from src at some places.
func mutate(r *rand.Rand, src []byte) []byte {
	b := bytes.Clone(src)
	for range 1 + r.IntN(4) {
		if len(b) == 0 {
			return b
		}
		i := r.IntN(len(b))
		j := min(len(b), i+r.IntN(8))
		switch r.IntN(6) {
		case 0:
			b = append(b[:i], b[j:]...)
		case 1:
			b[i] = byte(r.IntN(256))
		case 2, 3:
			tok := tokens[r.IntN(len(tokens))]
			b = append(b[:i], append([]byte(tok), b[i:]...)...)
		case 4:
			k := r.IntN(len(b))
			b = append(b[:k], append(bytes.Clone(b[i:j]), b[k:]...)...)
		case 5:
			other := seeds[r.IntN(len(seeds))]
			b = append(b[:i], append([]byte(other), b[j:]...)...)
		}
	}
	return b
}

// TestDifferential compares with encoding/xml on mutations of the seeds, and a
// part of them in other cuts: 100,000 in the short form, 3 million with
// TERCET_SOAK=1.
func TestDifferential(t *testing.T) {
	n := 100_000
	if os.Getenv("TERCET_SOAK") == "1" {
		n = 3_000_000
	}
	for _, s := range seeds {
		checkDifferential(t, []byte(s))
		checkCuts(t, []byte(s), nil)
	}
	r := rand.New(rand.NewPCG(6120, 11))
	var accepted, stricter int
	pool := make([][]byte, len(seeds))
	for i, s := range seeds {
		pool[i] = []byte(s)
	}
	for i := range n {
		k := r.IntN(len(pool))
		if i%2 == 0 {
			k = r.IntN(len(seeds))
		}
		b := mutate(r, pool[k])
		_, err := checkDifferential(t, b)
		if err == nil {
			accepted++
			if len(b) < 200 && len(pool) < 2000 {
				pool = append(pool, b)
			}
		} else if _, stdErr := stdTree(b); stdErr == nil {
			stricter++
		}
		if i%8 == 0 {
			checkCuts(t, b, r)
		}
	}
	t.Logf("%d accepted, %d refused that encoding/xml accepts, of %d", accepted, stricter, n)
	if accepted < n/10 {
		t.Errorf("only %d of %d accepted: the mutations lost their sense", accepted, n)
	}
}

func FuzzDifferential(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		checkDifferential(t, b)
		checkCuts(t, b, nil)
	})
}

// headers are streams below which elements are read.
var headers = []string{
	`<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xml:lang='en'>`,
	`<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' xmlns:p='urn:p' xmlns:q='jabber:server'>`,
	`<stream xmlns='http://etherx.jabber.org/streams' xmlns:p='jabber:component:accept' xml:lang='a&amp;b'>`,
}

// checkCuts fails if a Reader gives other tokens for b when it comes byte by
// byte, or in pieces.
func checkCuts(t *testing.T, b []byte, r *rand.Rand) {
	t.Helper()
	for _, h := range headers {
		in := append([]byte(h), b...)
		want := readAll(t, in, func(int) int { return len(in) })
		if got := readAll(t, in, func(int) int { return 1 }); got != want {
			t.Fatalf("%q byte by byte:\n got %s\nwant %s", in, got, want)
		}
		if r != nil {
			if got := readAll(t, in, func(left int) int { return 1 + r.IntN(left) }); got != want {
				t.Fatalf("%q in pieces:\n got %s\nwant %s", in, got, want)
			}
		}
	}
}

// readAll returns the tokens that a Reader gives for in, and how it ended.
// Blanks between elements are left out, since their cuts show in tokens.
func readAll(t *testing.T, in []byte, next func(left int) int) string {
	t.Helper()
	var out strings.Builder
	r := NewReader(Limits{Bytes: 4096, Depth: 8, Attrs: 6, Children: 12})
	for len(in) > 0 {
		n := next(len(in))
		n = copy(r.Space(n), in[:n])
		r.Filled(n)
		in = in[n:]
		for {
			tok, err := r.Next()
			if errors.Is(err, ErrMore) {
				r.Release()
				break
			}
			if err != nil {
				fmt.Fprintf(&out, "%v", err)
				return out.String()
			}
			switch tok.Kind {
			case TopLevel:
				checkNormal(t, tok.Element)
				fmt.Fprintf(&out, "%s %s\n", tok.Element, ownTree(tok.Element))
			case StreamHeader, StreamEnd:
				fmt.Fprintf(&out, "%d %+v\n", tok.Kind, tok.Header)
			case Whitespace:
			}
		}
	}
	return out.String()
}
