// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"errors"

	"tercet/core/element"
)

// An Error is a stream error (RFC 6120 section 4.9): it ends the stream and is
// told to the peer.
type Error struct {
	Condition string // of RFC 6120 section 4.9.3, such as "not-well-formed"
	Text      string // for the peer's eyes; never holds anything internal
	App       element.Element
}

// Fail returns the stream error with a condition of RFC 6120 section 4.9.3.
func Fail(condition, text string) *Error { return &Error{Condition: condition, Text: text} }

func (e *Error) Error() string {
	if e.Text == "" {
		return "stream error: " + e.Condition
	}
	return "stream error: " + e.Condition + ": " + e.Text
}

// ErrClosed is the cause of a stream that its peer has ended with </stream>.
var ErrClosed = errors.New("stream: closed by the peer")

// The conditions that the core itself answers with.
const (
	BadFormat             = "bad-format"
	Conflict              = "conflict"
	ConnectionTimeout     = "connection-timeout"
	HostGone              = "host-gone"
	HostUnknown           = "host-unknown"
	ImproperAddressing    = "improper-addressing"
	InternalServerError   = "internal-server-error"
	InvalidFrom           = "invalid-from"
	InvalidNamespace      = "invalid-namespace"
	InvalidXML            = "invalid-xml"
	NotAuthorized         = "not-authorized"
	NotWellFormed         = "not-well-formed"
	PolicyViolation       = "policy-violation"
	Reset                 = "reset"
	ResourceConstraint    = "resource-constraint"
	RestrictedXML         = "restricted-xml"
	SystemShutdown        = "system-shutdown"
	UndefinedCondition    = "undefined-condition"
	UnsupportedStanzaType = "unsupported-stanza-type"
	UnsupportedVersion    = "unsupported-version"
	nsStreams             = "urn:ietf:params:xml:ns:xmpp-streams"
	nsStanzaErrors        = "urn:ietf:params:xml:ns:xmpp-stanzas"
)

// appendError writes <stream:error/> (RFC 6120 section 4.9.2).
func appendError(dst []byte, e *Error) []byte {
	dst = append(dst, "<stream:error><"...)
	dst = append(dst, e.Condition...)
	dst = append(dst, " xmlns='"+nsStreams+"'/>"...)
	if e.Text != "" {
		dst = append(dst, "<text xmlns='"+nsStreams+"'>"...)
		dst = element.AppendEscaped(dst, e.Text)
		dst = append(dst, "</text>"...)
	}
	if !e.App.IsZero() {
		dst = e.App.AppendTo(dst, element.NSClient)
	}
	return append(dst, "</stream:error>"...)
}

// asError finds the stream error that an error stands for; what is not one is
// told as internal-server-error without words.
func asError(err error) *Error {
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	if xml, ok := errors.AsType[*element.Error](err); ok {
		return Fail(xml.Condition, xml.Text)
	}
	return Fail(InternalServerError, "")
}
