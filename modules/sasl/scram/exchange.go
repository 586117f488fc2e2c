// SPDX-License-Identifier: Apache-2.0

package scram

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"

	"tercet/core/auth"
)

// An exchange is one run of SCRAM (RFC 5802 section 5).
type exchange struct {
	*variant
	*policy
	plus     bool
	accounts auth.Provider
	channel  *auth.Channel

	step     step
	first    clientFirst
	binding  []byte // what the client's "c" attribute must hold
	reply    string // our server-first-message
	nonces   string // the client's and ours
	user     string
	keys     auth.ScramKeys
	known    bool // the keys are those of an account
	disabled bool
}

type step uint8

const (
	wantFirst step = iota
	wantFinal
	over
)

// Next implements auth.Exchange.
func (x *exchange) Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error) {
	at := x.step
	x.step = over // of which only what goes well takes it back
	switch at {
	case wantFirst:
		if response == nil {
			x.step = wantFirst
			return []byte{}, false, nil
		}
		if err = x.begin(ctx, response); err == nil {
			x.step = wantFinal
			return []byte(x.reply), false, nil
		}
	case wantFinal:
		if challenge, err = x.finish(ctx, response); err == nil {
			return challenge, true, nil
		}
	case over:
		err = malformed("the exchange is over")
	}
	if f, ok := errors.AsType[*auth.Failure](err); ok {
		f.User = x.user
	}
	return nil, false, err
}

// User implements auth.Exchange.
func (x *exchange) User() string { return x.user }

func (x *exchange) begin(ctx context.Context, msg []byte) (err error) {
	if x.first, err = parseClientFirst(msg); err != nil {
		return err
	}
	if x.user, err = auth.PrepUser(x.first.user); err != nil {
		return &auth.Failure{Condition: auth.NotAuthorized}
	}
	if !auth.Own(x.first.authzid, x.user, x.channel.Host) {
		return &auth.Failure{Condition: auth.InvalidAuthzid, Text: "an account may act for itself only"}
	}
	if err = x.bind(ctx); err != nil {
		return err
	}
	x.keys, x.known, err = x.accounts.Keys(ctx, x.user, x.hash)
	switch {
	case errors.Is(err, auth.ErrDisabled):
		x.disabled = true // said to nobody but the owner, after the proof
	case errors.Is(err, auth.ErrNotSupported):
		return &auth.Failure{Condition: auth.InvalidMechanism, Text: "not for the accounts of this host"}
	case err != nil:
		return err
	}
	x.nonces = x.first.nonce + x.nonce()
	x.reply = x.serverFirst()
	return nil
}

// bind checks the client's idea of channel binding (RFC 5802 section 6).
func (x *exchange) bind(ctx context.Context) error {
	flag := x.first.flag
	if (flag == 'p') != x.plus {
		return malformed("the flag for channel binding does not fit the mechanism")
	}
	x.binding = []byte(x.first.header)
	switch flag {
	case 'p':
		data, ok := x.bindingData()
		if !ok {
			x.channel.Log.InfoContext(ctx, "client asks for a channel binding that this stream does not have",
				"remote", x.channel.Remote.String(), "binding", x.first.binding, "offered", x.channel.Bindings, "mechanism", x.name(true))
			return &auth.Failure{Condition: auth.InvalidMechanism, Text: "this type of channel binding is not offered, try another one or another mechanism"}
		}
		x.binding = append(x.binding, data...)
	case 'y':
		if !slices.ContainsFunc(x.channel.Offered, isPlus) {
			return nil
		}
		log, said := x.channel.Log.WarnContext, "refused a client that believes that channel binding is not offered"
		if x.allowDowngrade {
			log, said = x.channel.Log.DebugContext, "admitted a client that believes that channel binding is not offered"
		}
		log(ctx, said, "remote", x.channel.Remote.String(), "offered", x.channel.Bindings, "mechanism", x.name(false),
			"option", optionDowngrade)
		if !x.allowDowngrade {
			return &auth.Failure{Condition: auth.MechanismTooWeak, Text: "channel binding is offered: somebody may have changed the list of mechanisms, or this client is mistaken"}
		}
	}
	return nil
}

func isPlus(mechanism string) bool {
	return strings.HasPrefix(mechanism, "SCRAM-") && strings.HasSuffix(mechanism, "-PLUS")
}

func (x *exchange) bindingData() ([]byte, bool) {
	if x.channel.Binding == nil || !slices.Contains(x.channel.Bindings, x.first.binding) {
		return nil, false
	}
	data, ok := x.channel.Binding(x.first.binding)
	return data, ok && len(data) > 0
}

func (x *exchange) serverFirst() string {
	b := make([]byte, 0, 256)
	b = append(b, "r="...)
	b = append(b, x.nonces...)
	b = append(b, ",s="...)
	b = base64.StdEncoding.AppendEncode(b, x.keys.Salt)
	b = append(b, ",i="...)
	b = strconv.AppendInt(b, int64(x.keys.Iterations), 10)
	if len(x.channel.Offered) > 0 && !x.unprotected {
		b = append(b, ",h="...)
		b = append(b, x.advertised(x.channel.Offered, x.channel.Bindings)...)
	}
	return string(b)
}

func (x *exchange) finish(ctx context.Context, msg []byte) ([]byte, error) {
	m, err := parseClientFinal(msg)
	if err != nil {
		return nil, err
	}
	message := x.first.bare + "," + x.reply + "," + m.withoutProof
	proved := x.proved(x.keys, message, m.proof)
	nonces := subtle.ConstantTimeCompare([]byte(m.nonce), []byte(x.nonces)) == 1
	bound := subtle.ConstantTimeCompare(m.binding, x.binding) == 1
	switch {
	case !nonces:
		return nil, malformed("not our nonce")
	case !proved || !x.known:
		return nil, &auth.Failure{Condition: auth.NotAuthorized}
	case !bound: // said to nobody but who knows the password
		x.channel.Log.WarnContext(ctx, "channel binding does not match: somebody stands between client and server, or TLS ends elsewhere",
			"remote", x.channel.Remote.String(), "binding", x.first.binding, "mechanism", x.name(x.plus))
		return nil, &auth.Failure{Condition: auth.NotAuthorized, Text: "channel binding does not match"}
	case x.disabled:
		return nil, &auth.Failure{Condition: auth.AccountDisabled}
	}
	sum := x.mac(x.keys.ServerKey, message)
	return append([]byte("v="), base64.StdEncoding.EncodeToString(sum)...), nil
}
