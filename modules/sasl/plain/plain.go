// SPDX-License-Identifier: Apache-2.0

// Package plain is the SASL mechanism PLAIN (RFC 4616): the client shows its
// password, the host's accounts say whether it is right.
package plain

import (
	"bytes"
	"context"
	"errors"
	"unicode/utf8"

	"tercet/core/auth"
)

const name = "PLAIN"

// strength is below that of each mechanism that keeps the password.
const strength = 10

// maxMessage is the longest message that makes sense, in bytes: two names and
// a password.
const maxMessage = 4096

// mechanism returns PLAIN; unsecured also on streams without TLS.
func mechanism(unsecured bool) auth.Mechanism {
	return auth.Mechanism{
		Strength: strength,
		Offer:    func(_ auth.Provider, c *auth.Channel) bool { return c.Secured || unsecured },
		Start: func(p auth.Provider, c *auth.Channel) auth.Exchange {
			return &exchange{accounts: p, host: c.Host, refused: !c.Secured && !unsecured}
		},
	}
}

// An exchange is one message.
type exchange struct {
	accounts auth.Provider
	host     string
	refused  bool
	over     bool
	user     string
}

// User implements auth.Exchange.
func (x *exchange) User() string { return x.user }

// Next implements auth.Exchange.
func (x *exchange) Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error) {
	switch {
	case x.over:
		err = malformed("the exchange is over")
	case x.refused:
		err = &auth.Failure{Condition: auth.EncryptionRequired}
	case response == nil:
		return []byte{}, false, nil
	default:
		err = x.check(ctx, response)
	}
	x.over = true
	if f, ok := errors.AsType[*auth.Failure](err); ok {
		f.User = x.user
	}
	return nil, err == nil, err
}

// check reads [authzid] NUL authcid NUL passwd (RFC 4616 section 2).
func (x *exchange) check(ctx context.Context, msg []byte) (err error) {
	if len(msg) > maxMessage {
		return malformed("message too long")
	}
	part := bytes.Split(msg, []byte{0})
	if len(part) != 3 || len(part[1]) == 0 || len(part[2]) == 0 || !utf8.Valid(msg) {
		return malformed("not a PLAIN message")
	}
	if x.user, err = auth.PrepUser(string(part[1])); err != nil {
		return &auth.Failure{Condition: auth.NotAuthorized}
	}
	if !auth.Own(string(part[0]), x.user, x.host) {
		return &auth.Failure{Condition: auth.InvalidAuthzid, Text: "an account may act for itself only"}
	}
	right, err := x.accounts.Check(ctx, x.user, string(part[2]))
	switch {
	case errors.Is(err, auth.ErrDisabled):
		return &auth.Failure{Condition: auth.AccountDisabled}
	case err != nil:
		return err
	case !right:
		return &auth.Failure{Condition: auth.NotAuthorized}
	}
	return nil
}

func malformed(text string) error {
	return &auth.Failure{Condition: auth.MalformedRequest, Text: text}
}
