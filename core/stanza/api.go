// SPDX-License-Identifier: Apache-2.0

// Package stanza holds the three stanzas of RFC 6120 8.
package stanza

import (
	"iter"

	"tercet/core/element"
	"tercet/core/jid"
)

// Kind is the kind of a stanza.
type Kind uint8

// The three kinds of stanza.
const (
	Message Kind = iota
	Presence
	IQ
)

func (k Kind) String() string { return [...]string{"message", "presence", "iq"}[k] }

// Stanza is a stanza.
type Stanza struct {
	Kind           Kind
	Type, ID, Lang string
	From, To       jid.JID
	root           element.Element
	added          []element.Element
}

func Read(e element.Element) (*Stanza, error) { panic("soon") }
func New(k Kind, typ string, from, to jid.JID, id string, payload ...element.Element) *Stanza {
	panic("soon")
}
func (s *Stanza) First() element.Element                            { panic("soon") }
func (s *Stanza) Child(space, local string) element.Element         { panic("soon") }
func (s *Stanza) Children() iter.Seq[element.Element]               { panic("soon") }
func (s *Stanza) ChildText(space, local string) string              { panic("soon") }
func (s *Stanza) Body() string                                      { panic("soon") }
func (s *Stanza) WithFrom(j jid.JID) *Stanza                        { panic("soon") }
func (s *Stanza) WithTo(j jid.JID) *Stanza                          { panic("soon") }
func (s *Stanza) WithType(t string) *Stanza                         { panic("soon") }
func (s *Stanza) WithID(id string) *Stanza                          { panic("soon") }
func (s *Stanza) With(added ...element.Element) *Stanza             { panic("soon") }
func (s *Stanza) Without(drop func(element.Element) bool) *Stanza   { panic("soon") }
func (s *Stanza) AppendTo(dst []byte) []byte                        { panic("soon") }
func (s *Stanza) AppendStart(dst []byte, from, to jid.JID) []byte   { panic("soon") }
func (s *Stanza) AppendTail(dst []byte) []byte                      { panic("soon") }
func (s *Stanza) Tail() []byte                                      { panic("soon") }
func (s *Stanza) Element() element.Element                          { panic("soon") }
func (s *Stanza) Forward() element.Element                          { panic("soon") }
func Parse(b []byte) (*Stanza, error)                               { panic("soon") }
func NewID() string                                                 { panic("soon") }

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

// Error is a stanza error (RFC 6120 8.3).
type Error struct {
	Type      string
	Condition Condition
	Text      string
	URI       string // the new address of gone and redirect
	App       element.Element
	By        jid.JID
}

func Fail(c Condition, text string) *Error                       { panic("soon") }
func (e *Error) Error() string                                   { panic("soon") }
func (e *Error) Element() element.Element                        { panic("soon") }
func ReadError(s *Stanza) *Error                                 { panic("soon") }
func Result(req *Stanza, payload element.Element) *Stanza        { panic("soon") }
func ErrorReply(s *Stanza, e *Error) *Stanza                     { panic("soon") }
