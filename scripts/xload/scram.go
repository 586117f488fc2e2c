// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // G505: SCRAM-SHA-1 is what servers without other hashes offer
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const nsSASL = "urn:ietf:params:xml:ns:xmpp-sasl"

type scramKeys struct{ client, stored, server []byte }

// salted holds the keys of each password, so that the load is the server's.
var salted sync.Map

func mac(h func() hash.Hash, key []byte, msg string) []byte {
	m := hmac.New(h, key)
	m.Write([]byte(msg))
	return m.Sum(nil)
}

func hashOf(mech string) func() hash.Hash {
	if mech == "SCRAM-SHA-256" {
		return sha256.New
	}
	return sha1.New
}

func keysFor(mech, pw, salt64 string, iterations int) (*scramKeys, error) {
	id := mech + "\x00" + pw + "\x00" + salt64 + "\x00" + strconv.Itoa(iterations)
	if k, ok := salted.Load(id); ok {
		return k.(*scramKeys), nil
	}
	salt, err := base64.StdEncoding.DecodeString(salt64)
	if err != nil {
		return nil, fmt.Errorf("salt: %w", err)
	}
	h := hashOf(mech)
	sp, err := pbkdf2.Key(h, pw, salt, iterations, h().Size())
	if err != nil {
		return nil, fmt.Errorf("salt password: %w", err)
	}
	ck := mac(h, sp, "Client Key")
	stored := h()
	stored.Write(ck)
	k := &scramKeys{client: ck, stored: stored.Sum(nil), server: mac(h, sp, "Server Key")}
	salted.Store(id, k)
	return k, nil
}

// scram is one exchange of RFC 5802.
type scram struct {
	mech, pw, nonce, first, signature string
}

// proof answers the server's first message.
func (s *scram) proof(challenge string) (string, error) {
	var nonce, salt string
	var iterations int
	for f := range strings.SplitSeq(challenge, ",") {
		switch name, v, _ := strings.Cut(f, "="); name {
		case "r":
			nonce = v
		case "s":
			salt = v
		case "i":
			iterations, _ = strconv.Atoi(v)
		}
	}
	if !strings.HasPrefix(nonce, s.nonce) || iterations < 1 {
		return "", fmt.Errorf("bad challenge %q", challenge)
	}
	k, err := keysFor(s.mech, s.pw, salt, iterations)
	if err != nil {
		return "", err
	}
	h := hashOf(s.mech)
	final := "c=biws,r=" + nonce
	message := s.first + "," + challenge + "," + final
	proof := mac(h, k.stored, message)
	for i := range proof {
		proof[i] ^= k.client[i]
	}
	s.signature = base64.StdEncoding.EncodeToString(mac(h, k.server, message))
	return final + ",p=" + base64.StdEncoding.EncodeToString(proof), nil
}

var nonces atomic.Int64

func (c *client) auth() error {
	if !bytes.Contains(c.feat, []byte(">"+cfg.mech+"<")) {
		return fmt.Errorf("server does not offer %s: %s", cfg.mech, c.feat)
	}
	if cfg.mech == "PLAIN" {
		_, err := c.sasl("auth", " mechanism='PLAIN'", "\x00"+c.name+"\x00"+password(c.idx), "success")
		return err
	}
	s := scram{
		mech: cfg.mech, pw: password(c.idx),
		nonce: strconv.FormatInt(nonces.Add(1), 36) + "x" + strconv.FormatInt(time.Now().UnixNano(), 36),
	}
	s.first = "n=" + c.name + ",r=" + s.nonce
	challenge, err := c.sasl("auth", " mechanism='"+s.mech+"'", "n,,"+s.first, "challenge")
	if err != nil {
		return err
	}
	final, err := s.proof(challenge)
	if err != nil {
		return err
	}
	v, err := c.sasl("response", "", final, "success")
	if err != nil {
		return err
	}
	if v != "v="+s.signature {
		return errors.New("server signature does not match")
	}
	return nil
}

// sasl sends one message and returns what the wanted answer holds.
func (c *client) sasl(tag, attrs, message, want string) (string, error) {
	b64 := base64.StdEncoding
	err := c.send("<" + tag + " xmlns='" + nsSASL + "'" + attrs + ">" + b64.EncodeToString([]byte(message)) + "</" + tag + ">")
	if err != nil {
		return "", err
	}
	e, err := c.next()
	if err != nil {
		return "", err
	}
	if !bytes.HasPrefix(e, []byte("<"+want)) {
		return "", fmt.Errorf("%s as %s: %s", cfg.mech, c.name, e)
	}
	b, err := b64.DecodeString(text(e, want))
	if err != nil {
		return "", fmt.Errorf("%s in %s: %w", cfg.mech, want, err)
	}
	return string(b), nil
}
