// SPDX-License-Identifier: Apache-2.0

package element_test

import (
	"errors"
	"testing"

	"tercet/core/element"
)

// Streams below which the elements of normalForms are read.
const (
	onClient    = plainHeader
	onLang      = clientHeader
	onServer    = `<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback'>`
	onComponent = `<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'>`
	onFree      = `<stream xmlns='http://etherx.jabber.org/streams'>`
	onPrefix    = `<stream xmlns='http://etherx.jabber.org/streams' xmlns:c='jabber:client' xmlns:p='urn:p'>`
	onBadLang   = `<stream:stream xml:lang="a'b" xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`
)

// normalForms says what is read from streams of all kinds.
var normalForms = []struct{ name, header, in, want string }{
	{"as it is", onClient, chatXML, chatXML},
	{"blanks and quotes stay", onClient, "<message\n to = \"a\"  ><body >x</body ></message >", "<message\n to = \"a\"  ><body >x</body ></message >"},
	{"namespace of the stream", onClient, `<message xmlns='jabber:client' to='a'><body/></message>`, `<message to='a'><body/></message>`},
	{"namespace of the stream last", onClient, `<message to='a' xmlns='jabber:client'/>`, `<message to='a'/>`},
	{"namespace of the stream between", onClient, "<message to='a' \n xmlns='jabber:client'\tid='b'><a xmlns='urn:a' b='c'/></message>", "<message to='a'\tid='b'><a xmlns='urn:a' b='c'/></message>"},
	{"namespace of the stream below", onClient, `<message><body xmlns="jabber:client">x</body></message>`, `<message><body>x</body></message>`},
	{"namespace of the stream with a reference", onClient, `<message xmlns='jabber&#58;client'/>`, `<message/>`},
	{"stanza namespace in another", onClient, `<message><f xmlns='urn:f'><message xmlns='jabber:client'/></f></message>`, `<message><f xmlns='urn:f'><message xmlns='jabber:client'/></f></message>`},
	{"server namespace of a client", onClient, `<message xmlns='jabber:server'/>`, `<message xmlns='jabber:server'/>`},
	{"server", onServer, `<message to='a'><body/></message>`, `<message to='a'><body/></message>`},
	{"server explicit", onServer, `<message xmlns='jabber:server'><body/></message>`, `<message><body/></message>`},
	{"client namespace of a server", onServer, `<message xmlns='jabber:client'><body/></message>`, `<message><body/></message>`},
	{"server, client forwarded", onServer, `<message><f xmlns='urn:f'><message xmlns='jabber:client'/></f></message>`, `<message><f xmlns='urn:f'><message xmlns='jabber:client'/></f></message>`},
	{"server, server forwarded", onServer, `<message><f xmlns='urn:f'><message xmlns='jabber:server'/></f></message>`, `<message><f xmlns='urn:f'><message xmlns='jabber:client'/></f></message>`},
	{"component", onComponent, `<message xmlns='jabber:component:accept'><body/></message>`, `<message><body/></message>`},
	{"prefix from the header", onServer, `<db:result from='a' to='b'>k</db:result>`, `<result xmlns='jabber:server:dialback' from='a' to='b'>k</result>`},
	{"stream error", onClient, `<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>`, `<error xmlns='http://etherx.jabber.org/streams'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></error>`},
	{"attribute with a prefix from the header", onServer, `<message db:a='1'/>`, `<message xmlns:db='jabber:server:dialback' db:a='1'/>`},
	{"prefix below", onClient, `<message><p:a xmlns:p='urn:p'><p:b p:c='1'/><d/></p:a></message>`, `<message><a xmlns='urn:p' xmlns:p='urn:p'><b p:c='1'/><d xmlns='jabber:client'/></a></message>`},
	{"declared and not used", onClient, `<message xmlns:p='urn:p'><a xmlns='urn:a' type='p:x'/></message>`, `<message xmlns:p='urn:p'><a xmlns='urn:a' type='p:x'/></message>`},
	{"no namespace", onClient, `<message><a xmlns=''/></message>`, `<message><a xmlns=''/></message>`},
	{"stream namespace as default", onFree, `<message xmlns='jabber:client'><body/></message>`, `<message><body/></message>`},
	{"stream namespace as default, server", onFree, `<message xmlns='jabber:server'><body/></message>`, `<message><body/></message>`},
	{"features below the default", onFree, `<features><a xmlns='urn:a'/></features>`, `<features xmlns='http://etherx.jabber.org/streams'><a xmlns='urn:a'/></features>`},
	{"content namespace with a prefix", onPrefix, `<c:message p:a='1'><c:body/><x/></c:message>`, `<message xmlns:p='urn:p' p:a='1'><body/><x xmlns='http://etherx.jabber.org/streams'/></message>`},
	{"CDATA", onClient, `<message><body>a<![CDATA[<b>&]]>c</body></message>`, `<message><body>a&lt;b&gt;&amp;c</body></message>`},
	{"CDATA that would end in text", onClient, `<message><body><![CDATA[]]]]>></body></message>`, `<message><body>]]&gt;</body></message>`},
	{"empty CDATA", onClient, `<message><body><![CDATA[]]></body></message>`, `<message><body/></message>`},
	{"language", onLang, `<message to='a'><body/></message>`, `<message xml:lang='de' to='a'><body/></message>`},
	{"language and namespace", onLang, `<message id='b' xmlns='jabber:client' to='a'/>`, `<message xml:lang='de' id='b' to='a'/>`},
	{"language and CDATA", onLang, `<message><![CDATA[]]></message>`, `<message xml:lang='de'/>`},
	{"own language", onLang, `<message xml:lang='fr'/>`, `<message xml:lang='fr'/>`},
	{"language not on others", onLang, `<a xmlns='urn:xmpp:sm:3' h='1'/>`, `<a xmlns='urn:xmpp:sm:3' h='1'/>`},
	{"language with a quote", onBadLang, `<message/>`, `<message xml:lang='a&apos;b'/>`},
}

func TestNormalForm(t *testing.T) {
	for _, tt := range normalForms {
		t.Run(tt.name, func(t *testing.T) {
			got, err := read(element.NewReader(element.DefaultLimits), tt.header+tt.in)
			if !errors.Is(err, element.ErrMore) || len(got) != 2 || got[1].Kind != element.TopLevel {
				t.Fatalf("got %+v, %v", got, err)
			}
			if s := got[1].Element.String(); s != tt.want {
				t.Errorf("\n got %s\nwant %s", s, tt.want)
			}
			tree, err := element.Parse([]byte(tt.want))
			if err != nil || !element.Equal(tree, got[1].Element) {
				t.Errorf("the tree is not that of its bytes: %v", err)
			}
		})
	}
}
