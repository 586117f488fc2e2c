// SPDX-License-Identifier: Apache-2.0

package element

import "errors"

// ErrMore means that the next token is not complete: read more bytes.
var ErrMore = errors.New("more bytes wanted")

// Conditions of stream errors that a Reader finds (RFC 6120 4.9.3).
const (
	BadFormat           = "bad-format"           // 4.9.3.1: character data between stanzas
	BadNamespacePrefix  = "bad-namespace-prefix" // 4.9.3.2: <stream/> outside of the stream namespace
	InvalidNamespace    = "invalid-namespace"    // 4.9.3.10: an unknown stream or content namespace
	NotWellFormed       = "not-well-formed"      // 4.9.3.13: XML or Namespaces in XML violated
	PolicyViolation     = "policy-violation"     // 4.9.3.14: over a limit
	RestrictedXML       = "restricted-xml"       // 4.9.3.18: comment, processing instruction, DTD
	UnsupportedEncoding = "unsupported-encoding" // 4.9.3.22: not UTF-8
)

// Error is a stream error: the condition of RFC 6120 4.9.3 and words for the
// peer.
type Error struct{ Condition, Text string }

// Error returns condition and text.
func (e *Error) Error() string { return e.Condition + ": " + e.Text }

func malformed(text string) error { return &Error{NotWellFormed, text} }
