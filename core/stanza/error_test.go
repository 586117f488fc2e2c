// SPDX-License-Identifier: Apache-2.0

package stanza_test

import (
	"testing"

	"tercet/core/element"
	"tercet/core/jid"
	"tercet/core/stanza"
)

// TestConditions has the table of RFC 6120 8.3.3.
func TestConditions(t *testing.T) {
	tests := []struct {
		c    stanza.Condition
		name string
		typ  string
	}{
		{stanza.BadRequest, "bad-request", "modify"},                            // 8.3.3.1
		{stanza.Conflict, "conflict", "cancel"},                                 // 8.3.3.2
		{stanza.FeatureNotImplemented, "feature-not-implemented", "cancel"},     // 8.3.3.3, or modify
		{stanza.Forbidden, "forbidden", "auth"},                                 // 8.3.3.4
		{stanza.Gone, "gone", "cancel"},                                         // 8.3.3.5
		{stanza.InternalServerError, "internal-server-error", "cancel"},         // 8.3.3.6
		{stanza.ItemNotFound, "item-not-found", "cancel"},                       // 8.3.3.7
		{stanza.JIDMalformed, "jid-malformed", "modify"},                        // 8.3.3.8
		{stanza.NotAcceptable, "not-acceptable", "modify"},                      // 8.3.3.9
		{stanza.NotAllowed, "not-allowed", "cancel"},                            // 8.3.3.10
		{stanza.NotAuthorized, "not-authorized", "auth"},                        // 8.3.3.11
		{stanza.PolicyViolation, "policy-violation", "modify"},                  // 8.3.3.12, or wait
		{stanza.RecipientUnavailable, "recipient-unavailable", "wait"},          // 8.3.3.13
		{stanza.Redirect, "redirect", "modify"},                                 // 8.3.3.14
		{stanza.RegistrationRequired, "registration-required", "auth"},          // 8.3.3.15
		{stanza.RemoteServerNotFound, "remote-server-not-found", "cancel"},      // 8.3.3.16
		{stanza.RemoteServerTimeout, "remote-server-timeout", "wait"},           // 8.3.3.17
		{stanza.ResourceConstraint, "resource-constraint", "wait"},              // 8.3.3.18
		{stanza.ServiceUnavailable, "service-unavailable", "cancel"},            // 8.3.3.19
		{stanza.SubscriptionRequired, "subscription-required", "auth"},          // 8.3.3.20
		{stanza.UndefinedCondition, "undefined-condition", "cancel"},            // 8.3.3.21, or any
		{stanza.UnexpectedRequest, "unexpected-request", "wait"},                // 8.3.3.22, or modify
		{stanza.Condition("made-up"), "undefined-condition", "cancel"},          // none of the RFC's
		{stanza.Condition(""), "undefined-condition", "cancel"},                 // none at all
		{stanza.Condition("x y='z'"), "undefined-condition", "cancel"},          // no name either
		{stanza.Condition("text"), "undefined-condition", "cancel"},             // has another meaning there
		{stanza.Condition("made-up&more"), "undefined-condition", "cancel"},     // no name either
		{stanza.Condition("urn:made:up"), "undefined-condition", "cancel"},      // no name either
		{stanza.Condition("Bad-Request"), "undefined-condition", "cancel"},      // names are case-sensitive
		{stanza.Condition(" bad-request"), "undefined-condition", "cancel"},     // not trimmed
		{stanza.Condition("payment-required"), "undefined-condition", "cancel"}, // RFC 3920 had it
	}
	for _, tt := range tests {
		t.Run(string(tt.c), func(t *testing.T) {
			e := stanza.Fail(tt.c, "").Element()
			want := `<error type='` + tt.typ + `'><` + tt.name + ` xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`
			if e.String() != want {
				t.Errorf("got %s, want %s", e, want)
			}
			back := stanza.ReadError(stanza.New(stanza.IQ, "error", jid.JID{}, jid.JID{}, "1", e))
			if string(back.Condition) != tt.name || back.Type != tt.typ {
				t.Errorf("read back it is %+v", back)
			}
		})
	}
}

func TestErrorElement(t *testing.T) {
	app := element.New("urn:app", "too-bad").Attr("a", "b").Element()
	e := stanza.Error{Type: "wait", Condition: stanza.Gone, Text: "<moved>", URI: "xmpp:a@b", App: app, By: jid.MustParse("c@d/'")}
	want := `<error type='wait' by='c@d/&apos;'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>xmpp:a@b</gone>` +
		`<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>&lt;moved&gt;</text><too-bad xmlns='urn:app' a='b'/></error>`
	if got := e.Element().String(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	got := stanza.ReadError(stanza.New(stanza.Message, "error", jid.JID{}, jid.JID{}, "", e.Element()))
	if !element.Equal(got.App, app) {
		t.Errorf("application condition is %s", got.App)
	}
	got.App = app
	if *got != e {
		t.Errorf("read back it is %+v", got)
	}
	e = stanza.Error{Type: "nonsense", Condition: stanza.Conflict, URI: "xmpp:a@b"}
	if got, want := e.Element().String(), `<error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if e.Error() != "conflict" || stanza.Fail(stanza.Conflict, "why").Error() != "conflict: why" {
		t.Error("wrong words")
	}
}

func TestReadError(t *testing.T) {
	const stanzas = "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'"
	tests := []struct {
		name, in string
		want     stanza.Error
	}{
		{"no error", ``, stanza.Error{Type: "cancel", Condition: stanza.UndefinedCondition}},
		{"empty", `<error/>`, stanza.Error{Type: "cancel", Condition: stanza.UndefinedCondition}},
		{"no type", `<error><forbidden ` + stanzas + `/></error>`, stanza.Error{Type: "auth", Condition: stanza.Forbidden}},
		{"unknown type", `<error type='x'><forbidden ` + stanzas + `/></error>`, stanza.Error{Type: "auth", Condition: stanza.Forbidden}},
		{"another type", `<error type='continue'><forbidden ` + stanzas + `/></error>`, stanza.Error{Type: "continue", Condition: stanza.Forbidden}},
		{"unknown condition", `<error type='wait'><odd ` + stanzas + `/></error>`, stanza.Error{Type: "wait", Condition: stanza.UndefinedCondition}},
		{"text first", `<error type='wait'><text ` + stanzas + `>t</text><gone ` + stanzas + `>u</gone></error>`, stanza.Error{Type: "wait", Condition: stanza.Gone, Text: "t", URI: "u"}},
		{"malformed by", `<error type='wait' by='@'/>`, stanza.Error{Type: "wait", Condition: stanza.UndefinedCondition}},
		{"behind its request", `<query xmlns='urn:q'/><error type='wait'/>`, stanza.Error{Type: "wait", Condition: stanza.UndefinedCondition}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := parse(t, `<iq type='error' id='1'>`+tt.in+`</iq>`)
			if got := stanza.ReadError(s); *got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestErrorReply has what may be answered (RFC 6120 8.2.3 and 8.3.1).
func TestErrorReply(t *testing.T) {
	const head = ` from='a@b/c' to='d@e' id='1'`
	tests := []struct {
		name, in string
		answered bool
	}{
		{"message", `<message` + head + `><body>secret</body></message>`, true},
		{"chat", `<message type='chat'` + head + `/>`, true},
		{"message error", `<message type='error'` + head + `/>`, false},
		{"presence", `<presence` + head + `/>`, true},
		{"subscription request", `<presence type='subscribe'` + head + `/>`, true},
		{"presence error", `<presence type='error'` + head + `/>`, false},
		{"get", `<iq type='get'` + head + `><q xmlns='urn:q'/></iq>`, true},
		{"set", `<iq type='set'` + head + `><q xmlns='urn:q'/></iq>`, true},
		{"result", `<iq type='result'` + head + `/>`, false},
		{"iq error", `<iq type='error'` + head + `/>`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := parse(t, tt.in)
			r := stanza.ErrorReply(s, stanza.Fail(stanza.ItemNotFound, "gone fishing"))
			if !tt.answered {
				if r != nil {
					t.Errorf("answered by %s", text(r))
				}
				return
			}
			if r == nil {
				t.Fatal("not answered")
			}
			want := `<` + s.Kind.String() + ` from='d@e' to='a@b/c' type='error' id='1'><error type='cancel'>` +
				`<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>` +
				`<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>gone fishing</text></error></` + s.Kind.String() + `>`
			if got := text(r); got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
			if stanza.ErrorReply(r, stanza.Fail(stanza.BadRequest, "")) != nil {
				t.Error("the answer is answered")
			}
		})
	}
}

func TestResult(t *testing.T) {
	s := parse(t, `<iq type='get' id='x' from='a@b/c' to='d@e'><q xmlns='urn:q'/></iq>`)
	if got, want := text(stanza.Result(s, element.Element{})), `<iq from='d@e' to='a@b/c' type='result' id='x'/>`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := text(stanza.Result(s, s.First())), `<iq from='d@e' to='a@b/c' type='result' id='x'><q xmlns='urn:q'/></iq>`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s = parse(t, `<iq type='set' id='y'><q xmlns='urn:q'/></iq>`)
	if got, want := text(stanza.Result(s, element.Element{})), `<iq type='result' id='y'/>`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
