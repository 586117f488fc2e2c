// SPDX-License-Identifier: Apache-2.0

package caps

import (
	"strings"
	"testing"

	"tercet/core/element"
)

const (
	simple = `<identity category='client' type='pc' name='Exodus 0.9.1'/>
<feature var='http://jabber.org/protocol/disco#items'/><feature var='http://jabber.org/protocol/caps'/>
<feature var='http://jabber.org/protocol/disco#info'/><feature var='http://jabber.org/protocol/muc'/>`
	psi = `<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>
<identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>
<feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#info'/>
<feature var='http://jabber.org/protocol/disco#items'/><feature var='http://jabber.org/protocol/muc'/>`
	software = `<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>
<field var='ip_version' type='text-multi'><value>ipv6</value><value>ipv4</value></field><field var='software_version'><value>0.11</value></field>
<field var='os'><value>Mac</value></field><field var='os_version'><value>10.5.1</value></field><field var='software'><value>Psi</value></field></x>`
)

func parse(t testing.TB, inner string) element.Element {
	t.Helper()
	e, err := element.Parse([]byte("<query xmlns='http://jabber.org/protocol/disco#info'>" + inner + "</query>"))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// The vectors of sections 5.2 and 5.3, and of the same response by the other
// hashes (made by OpenSSL).
func TestVectors(t *testing.T) {
	for _, c := range []struct{ name, inner, algo, want string }{
		{"simple", simple, "sha-1", "QgayPKawpkPSDYmwT/WM94uAlu0="},
		{"complex", psi + software, "sha-1", "q07IKJEyjvHSyhy//CH0CxmKi8w="},
		{"simple", simple, "sha-256", "Wr6IGEKhx6b9627gBmi/cCmpxXBc/GYq5zWuYfWGWoc="},
		{"simple", simple, "sha-512", "fRSVSbrOODMrPDQyHoSWoR+RemysUcEeGGhMh+kl/hGp9UrJxyDnrh9BymsL57Am/eToRZ/T4s6QBqeC6LVmoQ=="},
		{"simple", simple, "sha3-256", "GTtv1IDf4A/AUFSA/oZGBx5zGqFrUuvrffBWUebXFjo="},
	} {
		t.Run(c.name+" "+c.algo, func(t *testing.T) {
			r, err := readResponse(parse(t, c.inner))
			if err != nil {
				t.Fatal(err)
			}
			if got := r.ver(c.algo); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestIllFormed(t *testing.T) {
	const identity = "<identity category='client' type='pc' name='a'/>"
	form := func(typ, fields string) string {
		return "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'>" + typ + "</field>" + fields + "</x>"
	}
	for _, c := range []struct {
		name, inner string
		bad         bool
	}{
		{"plain", identity + "<feature var='a'/>", false},
		{"no identity", "<feature var='client/pc//a'/><feature var='x'/>", true},
		{"the same identity twice", identity + identity, true},
		{"an identity in two languages", identity + "<identity xml:lang='de' category='client' type='pc' name='a'/>", false},
		{"the same feature twice", identity + "<feature var='a'/><feature var='b'/><feature var='a'/>", true},
		{"an empty feature", identity + "<feature/>", true},
		{"a feature that is two", identity + "<feature var='a&lt;b'/>", true},
		{"a name that is more", "<identity category='client' type='pc' name='a&lt;b'/>", true},
		{"a category that is more", "<identity category='client/pc' type='' name='a'/>", true},
		{"a type that is more", "<identity category='client' type='pc//a' name=''/>", true},
		{"the same form twice", identity + form("<value>t</value>", "") + form("<value>t</value>", ""), true},
		{"a form of two types", identity + form("<value>t</value><value>u</value>", ""), true},
		{"a form of one type twice", identity + form("<value>t</value><value>t</value>", ""), false},
		{"a feature hidden as a form", identity + form("<value>urn:example:x+notify</value>", ""), true},
		{"a feature hidden as a field", identity + form("<value>t</value>", "<field var='urn:example:x+notify'/>"), true},
		{"a feature hidden as a value", identity + form("<value>t</value>", "<field var='a'><value>urn:example:x+notify</value></field>"), true},
		{"a value that is two", identity + form("<value>t</value>", "<field var='a'><value>b&lt;c</value></field>"), true},
		{"a form without a type", identity + "<x xmlns='jabber:x:data'><field var='a'><value>b&lt;</value></field></x>", false},
		{"a form whose type is not hidden", identity + "<x xmlns='jabber:x:data'><field var='FORM_TYPE'><value>t</value></field></x>", false},
		{"too many features", identity + strings.Repeat("<feature var='a'/>", maxFeatures+1), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := readResponse(parse(t, c.inner)); (err != nil) != c.bad {
				t.Errorf("got %v, want ill-formed %v", err, c.bad)
			}
		})
	}
}

func TestFormsThatDoNotCountAreLeftOut(t *testing.T) {
	r, err := readResponse(parse(t, simple+"<x xmlns='jabber:x:data'><field var='FORM_TYPE'><value>t</value></field></x>"))
	if err != nil || r.ver("sha-1") != "QgayPKawpkPSDYmwT/WM94uAlu0=" {
		t.Errorf("got %s, %v, want the string without the form", r.ver("sha-1"), err)
	}
}

// FuzzResponse: whatever comes is read; what is well-formed is the same in any
// order.
func FuzzResponse(f *testing.F) {
	f.Add(simple)
	f.Add(psi + software)
	f.Add("<identity/><feature var='&lt;'/><x xmlns='jabber:x:data'><field var='FORM_TYPE' type='hidden'/></x>")
	f.Fuzz(func(t *testing.T, inner string) {
		e, err := element.Parse([]byte("<query xmlns='http://jabber.org/protocol/disco#info'>" + inner + "</query>"))
		if err != nil {
			return
		}
		r, err := readResponse(e)
		for _, feature := range r.features {
			if !r.info().Has(feature) {
				t.Errorf("%q is lost", feature)
			}
		}
		if err != nil {
			return
		}
		var kids []string
		for c := range e.Children() {
			kids = append(kids, string(c.AppendTo(nil, nsInfo)))
		}
		back := new(strings.Builder)
		for i := range kids {
			back.WriteString(kids[len(kids)-1-i])
		}
		again, err := readResponse(parse(t, back.String()))
		if err != nil || again.ver("sha-1") != r.ver("sha-1") {
			t.Errorf("another order: %v", err)
		}
	})
}
