// SPDX-License-Identifier: Apache-2.0

package element

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// chat is a message of 246 bytes, four elements, with an entity and a letter
// outside of ASCII.
const chat = `<message from='romeo@example.net/orchard' to='juliet@example.com' type='chat' id='ktx72v49'>` +
	`<body>Art thou not Romeo, &amp; a Montagüe?</body><active xmlns='http://jabber.org/protocol/chatstates'/>` +
	`<request xmlns='urn:xmpp:receipts'/></message>`

func rosterIQ() string {
	var b strings.Builder
	b.WriteString(`<iq type='result' id='r1' to='juliet@example.com/balcony'><query xmlns='jabber:iq:roster' ver='ver7'>`)
	for i := range 70 {
		fmt.Fprintf(&b, `<item jid='contact%d@example.net' name='Contact %d' subscription='both'><group>Friends</group></item>`, i, i)
	}
	b.WriteString(`</query></iq>`)
	return b.String()
}

func longText() string {
	return `<message to='a@b' type='chat' id='1'><body>` + strings.Repeat("All the world is a stage, ", 320) + `</body></message>`
}

var inputs = []struct{ name, xml string }{{"chat", chat}, {"roster", rosterIQ()}, {"text", longText()}}

func BenchmarkDocParse(b *testing.B) {
	for _, in := range inputs {
		b.Run(in.name, func(b *testing.B) {
			var d Doc
			src := []byte(in.xml)
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Parse(src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkReader reads stanzas of a stream as documents of their own.
func BenchmarkReader(b *testing.B) {
	headers := []struct{ name, lang string }{{"plain", ""}, {"lang", " xml:lang='en'"}}
	for _, in := range append(inputs, struct{ name, xml string }{"xmlns", strings.Replace(chat, " ", " xmlns='jabber:client' ", 1)}) {
		for _, h := range headers {
			b.Run(in.name+"/"+h.name, func(b *testing.B) {
				r := NewReader(DefaultLimits)
				feed(r, "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"+h.lang+">")
				if _, err := r.Next(); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(in.xml)))
				b.ReportAllocs()
				for b.Loop() {
					feed(r, in.xml)
					if _, err := r.Next(); err != nil {
						b.Fatal(err)
					}
					r.Release()
				}
			})
		}
	}
}

// BenchmarkHostileBytes reads a start tag of 64 KiB that arrives byte by byte.
func BenchmarkHostileBytes(b *testing.B) {
	tag := "<message a='" + strings.Repeat("x", 32<<10) + "' " + strings.Repeat(" ", 32<<10) + "/>"
	b.SetBytes(int64(len(tag)))
	for b.Loop() {
		r := NewReader(DefaultLimits)
		feed(r, "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>")
		if _, err := r.Next(); err != nil {
			b.Fatal(err)
		}
		for i := range len(tag) {
			feed(r, tag[i:i+1])
			if _, err := r.Next(); err != nil && !errors.Is(err, ErrMore) {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkAppendTo(b *testing.B) {
	e, err := Parse([]byte(chat))
	if err != nil {
		b.Fatal(err)
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = e.AppendTo(dst[:0], "urn:xmpp:forward:0")
	}
}

func BenchmarkBuilder(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		New(NSClient, "iq").Attr("type", "result").Attr("id", "abc").Attr("to", "juliet@example.com/balcony").
			Open("urn:xmpp:x", "query").TextChild("urn:xmpp:x", "item", "some text & more").Element()
	}
}

func BenchmarkAccess(b *testing.B) {
	e, err := Parse([]byte(chat))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if e.Attr("id") == "" || e.Child("urn:xmpp:receipts", "request").IsZero() {
			b.Fatal("wrong")
		}
	}
}

func BenchmarkEncodingXML(b *testing.B) {
	for _, in := range inputs {
		b.Run(in.name, func(b *testing.B) {
			b.SetBytes(int64(len(in.xml)))
			b.ReportAllocs()
			for b.Loop() {
				d := xml.NewDecoder(bytes.NewReader([]byte(in.xml)))
				for {
					if _, err := d.Token(); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func feed(r *Reader, s string) {
	copy(r.Space(len(s)), s)
	r.Filled(len(s))
}
