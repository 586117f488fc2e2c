// SPDX-License-Identifier: Apache-2.0

package stanza_test

import (
	"testing"

	"tercet/core/element"
	"tercet/core/jid"
	"tercet/core/stanza"
)

const chat = `<message from='romeo@example.net/orchard' to='juliet@example.com' type='chat' id='ktx72v49'>` +
	`<body>Art thou not Romeo, &amp; a Montagüe?</body><active xmlns='http://jabber.org/protocol/chatstates'/>` +
	`<request xmlns='urn:xmpp:receipts'/></message>`

func chatElement(b *testing.B) element.Element {
	e, err := element.Parse([]byte(chat))
	if err != nil {
		b.Fatal(err)
	}
	return e
}

func BenchmarkRead(b *testing.B) {
	e := chatElement(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := stanza.Read(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendTo(b *testing.B) {
	s, err := stanza.Read(chatElement(b))
	if err != nil {
		b.Fatal(err)
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = s.AppendTo(dst[:0])
	}
}

// BenchmarkFanOut writes one recipient's copy behind a common tail.
func BenchmarkFanOut(b *testing.B) {
	s, err := stanza.Read(chatElement(b))
	if err != nil {
		b.Fatal(err)
	}
	to := jid.MustParse("benvolio@example.org/street")
	s = s.Shared()
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = s.WithTo(to).AppendTo(dst[:0])
	}
}

func BenchmarkErrorReply(b *testing.B) {
	s, err := stanza.Read(chatElement(b))
	if err != nil {
		b.Fatal(err)
	}
	e := stanza.Fail(stanza.ServiceUnavailable, "")
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = stanza.ErrorReply(s, e).AppendTo(dst[:0])
	}
}
