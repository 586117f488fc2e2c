// SPDX-License-Identifier: Apache-2.0

package element

import "testing"

func TestSmoke(t *testing.T) {
	r := NewReader(DefaultLimits)
	in := `<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback' xml:lang='de' version='1.0' to='a' from='b'>` +
		` <db:result to='x'>abc</db:result><message xmlns='jabber:server' to='a@b' id='1'><body>Hi &amp; <![CDATA[<x>]]></body></message><message to='a@b'  xmlns='jabber:server' id='1'><body>Hi</body><x xmlns='foo'/><db:foo xmlns='u' db:a='1'><v/></db:foo></message><stream:error/><iq id='4'><q xmlns:p='pp' xmlns='qq'><p:i p:a='3'/></q></iq></stream:stream>`
	for range 2 {
		for i := range in {
			copy(r.Space(1), in[i:i+1])
			r.Filled(1)
			for {
				tok, err := r.Next()
				if err != nil {
					if err != ErrMore {
						t.Log(err)
					}
					break
				}
				t.Logf("%+v %s", tok.Header, tok.Element)
			}
		}
		r.Restart()
	}
	e := New(NSClient, "message").Attr("to", "a'b").AttrNS(NSXML, "lang", "en").AttrNS("foo", "x", "1").AttrNS("foo", "y", "2").Attr("to", "c").TextChild(NSClient, "body", "hi <\x00").Open("urn:x", "y").Child(New(NSClient, "body").Element()).Element()
	t.Log(e, e.Attr("to"), e.ChildText(NSClient, "body"))
	if v, ok := e.AttrNS("foo", "y"); v != "2" || !ok {
		t.Error(v)
	}
}
