// SPDX-License-Identifier: Apache-2.0

// Package auth holds the contracts of authentication: SASL mechanisms
// (RFC 4422) and the credential providers that they ask. Both are modules.
package auth

import (
	"context"
	"log/slog"
	"net/netip"

	"tercet/core/ext"
)

// Mechanisms are the SASL mechanisms of a host, by their IANA name.
var Mechanisms = ext.NewMap[string, Mechanism]("sasl-mechanism")

// A Mechanism is one way of proving an identity, such as SCRAM-SHA-256.
type Mechanism struct {
	// Strength orders the mechanisms that a stream offers, strongest first.
	Strength int
	// Offer reports whether the mechanism can work on the channel for the
	// accounts of p. It is asked for each stream before the features are sent.
	Offer func(p Provider, c *Channel) bool
	// Start begins an exchange.
	Start func(p Provider, c *Channel) Exchange
}

// A Channel is what a mechanism may know of the stream that it works on.
type Channel struct {
	Host    string     // the domain that the initiating entity addressed
	Remote  netip.Addr // its address, after trusted proxies
	Secured bool       // the stream is encrypted by TLS
	// Bindings are the channel-binding types (RFC 5056) that this channel
	// offers, the one that clients should prefer first; Binding returns the data.
	Bindings []string
	Binding  func(kind string) ([]byte, bool)
	// Offered are the mechanisms that the stream advertised (XEP-0474).
	Offered []string
	Log     *slog.Logger
}

// An Exchange is one run of a mechanism; one goroutine uses it.
type Exchange interface {
	// Next takes the initiating entity's message (nil: an initial response was
	// not sent) and returns the next challenge, or with done the additional
	// data of success. A *Failure ends the exchange and is told to the peer;
	// any other error is logged and told as temporary-auth-failure.
	Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error)
	// User is the localpart that was authenticated; it is valid after done.
	User() string
}

// A Failure is a SASL failure with a condition of RFC 6120 section 6.5.
type Failure struct { //nolint:errname // SASL's own word
	Condition string
	Text      string
	User      string // the localpart that was tried, for logs and limits; may be empty
}

func (f *Failure) Error() string { return "sasl: " + f.Condition + ": " + f.Text }

// The conditions of RFC 6120 section 6.5.
const (
	Aborted              = "aborted"
	AccountDisabled      = "account-disabled"
	CredentialsExpired   = "credentials-expired"
	EncryptionRequired   = "encryption-required"
	IncorrectEncoding    = "incorrect-encoding"
	InvalidAuthzid       = "invalid-authzid"
	InvalidMechanism     = "invalid-mechanism"
	MalformedRequest     = "malformed-request"
	MechanismTooWeak     = "mechanism-too-weak"
	NotAuthorized        = "not-authorized"
	TemporaryAuthFailure = "temporary-auth-failure"
)
