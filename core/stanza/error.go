// SPDX-License-Identifier: Apache-2.0

package stanza

import (
	"tercet/core/element"
	"tercet/core/jid"
)

const nsStanzas = "urn:ietf:params:xml:ns:xmpp-stanzas" // RFC 6120 8.3

// Condition is a defined condition of RFC 6120 8.3.3.
type Condition string

// The conditions of RFC 6120 8.3.3.
const (
	BadRequest            Condition = "bad-request"
	Conflict              Condition = "conflict"
	FeatureNotImplemented Condition = "feature-not-implemented"
	Forbidden             Condition = "forbidden"
	Gone                  Condition = "gone"
	InternalServerError   Condition = "internal-server-error"
	ItemNotFound          Condition = "item-not-found"
	JIDMalformed          Condition = "jid-malformed"
	NotAcceptable         Condition = "not-acceptable"
	NotAllowed            Condition = "not-allowed"
	NotAuthorized         Condition = "not-authorized"
	PolicyViolation       Condition = "policy-violation"
	RecipientUnavailable  Condition = "recipient-unavailable"
	Redirect              Condition = "redirect"
	RegistrationRequired  Condition = "registration-required"
	RemoteServerNotFound  Condition = "remote-server-not-found"
	RemoteServerTimeout   Condition = "remote-server-timeout"
	ResourceConstraint    Condition = "resource-constraint"
	ServiceUnavailable    Condition = "service-unavailable"
	SubscriptionRequired  Condition = "subscription-required"
	UndefinedCondition    Condition = "undefined-condition"
	UnexpectedRequest     Condition = "unexpected-request"
)

// errorTypes has the type that RFC 6120 8.3.3 names, the first of them where
// it names two.
var errorTypes = map[Condition]string{
	BadRequest: "modify", Conflict: "cancel", FeatureNotImplemented: "cancel", Forbidden: "auth", Gone: "cancel",
	InternalServerError: "cancel", ItemNotFound: "cancel", JIDMalformed: "modify", NotAcceptable: "modify",
	NotAllowed: "cancel", NotAuthorized: "auth", PolicyViolation: "modify", RecipientUnavailable: "wait",
	Redirect: "modify", RegistrationRequired: "auth", RemoteServerNotFound: "cancel", RemoteServerTimeout: "wait",
	ResourceConstraint: "wait", ServiceUnavailable: "cancel", SubscriptionRequired: "auth",
	UndefinedCondition: "cancel", UnexpectedRequest: "wait",
}

// Error is a stanza error (RFC 6120 8.3).
type Error struct {
	Type      string // auth, cancel, continue, modify or wait
	Condition Condition
	Text      string
	URI       string          // of Gone and Redirect: the new address
	App       element.Element // the application's own condition, or zero
	By        jid.JID         // who found the error, or zero
}

// Fail returns an error of the type that the RFC names for c.
func Fail(c Condition, text string) *Error {
	return &Error{Type: errorTypes[c], Condition: c, Text: text}
}

// Error returns condition and text.
func (e *Error) Error() string {
	if e.Text == "" {
		return string(e.Condition)
	}
	return string(e.Condition) + ": " + e.Text
}

// Element returns the element <error/>.
func (e *Error) Element() element.Element {
	c := e.Condition
	if errorTypes[c] == "" {
		c = UndefinedCondition
	}
	t := e.Type
	if !knownType(t) {
		t = errorTypes[c]
	}
	b := element.New(element.NSClient, "error").Attr("type", t)
	if !e.By.IsZero() {
		b.Attr("by", e.By.String())
	}
	uri := ""
	if c == Gone || c == Redirect {
		uri = e.URI
	}
	b.TextChild(nsStanzas, string(c), uri)
	if e.Text != "" {
		b.TextChild(nsStanzas, "text", e.Text)
	}
	return b.Child(e.App).Element()
}

// ReadError returns the error in a stanza of type error. What it does not say
// or says wrongly becomes undefined-condition of the type cancel.
func ReadError(s *Stanza) *Error {
	root := s.Child(element.NSClient, "error")
	e := &Error{Condition: UndefinedCondition, Type: root.Attr("type")}
	if by := root.Attr("by"); by != "" {
		e.By, _ = jid.Parse(by)
	}
	for c := range root.Children() {
		switch {
		case c.Space() != nsStanzas:
			if e.App.IsZero() {
				e.App = c
			}
		case c.Local() == "text":
			e.Text = c.Text()
		case errorTypes[Condition(c.Local())] != "":
			e.Condition = Condition(c.Local())
			if e.Condition == Gone || e.Condition == Redirect {
				e.URI = c.Text()
			}
		}
	}
	if !knownType(e.Type) {
		e.Type = errorTypes[e.Condition]
	}
	return e
}

func knownType(t string) bool {
	switch t {
	case "auth", "cancel", "continue", "modify", "wait":
		return true
	}
	return false
}
