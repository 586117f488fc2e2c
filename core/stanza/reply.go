// SPDX-License-Identifier: Apache-2.0

package stanza

import "tercet/core/element"

// Result returns the result of the request req, with a payload or without one
// if that is zero.
func Result(req *Stanza, payload element.Element) *Stanza {
	return New(IQ, "result", req.To, req.From, req.ID, payload)
}

// ErrorReply returns the answer to s that says e. It is nil if s must not be
// answered: an error may not be (RFC 6120 8.3.1), nor may a result (8.2.3).
// The payload of s is not sent back.
func ErrorReply(s *Stanza, e *Error) *Stanza {
	if s.Type == "error" || s.Kind == IQ && s.Type == "result" {
		return nil
	}
	return New(s.Kind, "error", s.To, s.From, s.ID, e.Element())
}
