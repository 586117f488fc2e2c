// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// The parts of a token of PASETO version 3, purpose local.
const (
	pasetoHeader = "v3.local."
	pasetoKey    = 32
	pasetoNonce  = 32
	pasetoTag    = sha512.Size384
)

// pasetoKeys derives the keys of one token from the key and its nonce.
func pasetoKeys(key, nonce string) (cipherKey, counter, authKey []byte, err error) {
	tmp, err := hkdf.Key(sha512.New384, []byte(key), nil, "paseto-encryption-key"+nonce, 48)
	if err != nil {
		return nil, nil, nil, err
	}
	authKey, err = hkdf.Key(sha512.New384, []byte(key), nil, "paseto-auth-key-for-aead"+nonce, 48)
	return tmp[:32], tmp[32:], authKey, err
}

// pasetoTagOf authenticates the pieces of a token (PASETO, section 2.2.1).
func pasetoTagOf(authKey []byte, pieces ...string) []byte {
	all := binary.LittleEndian.AppendUint64(nil, uint64(len(pieces)))
	for _, p := range pieces {
		all = append(binary.LittleEndian.AppendUint64(all, uint64(len(p))), p...)
	}
	mac := hmac.New(sha512.New384, authKey)
	mac.Write(all)
	return mac.Sum(nil)
}

func pasetoCrypt(key, counter []byte, data string) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(data))
	cipher.NewCTR(block, counter).XORKeyStream(out, []byte(data))
	return out, nil
}

// pasetoArgs reads data, key, footer and what is implied.
func pasetoArgs(l *lua.LState) (data, key, footer, implied string) {
	data, key = l.CheckString(1), l.CheckString(2)
	if len(key) != pasetoKey {
		l.ArgError(2, "a key of 32 bytes expected")
	}
	footer, _ = optString(l, 3)
	implied, _ = optString(l, 4)
	return data, key, footer, implied
}

// pasetoSeal encrypts a payload.
func pasetoSeal(l *lua.LState) int {
	data, key, footer, implied := pasetoArgs(l)
	n := make([]byte, pasetoNonce)
	rand.Read(n)
	nonce := string(n)
	cipherKey, counter, authKey, err := pasetoKeys(key, nonce)
	if err != nil {
		return failed(l, err.Error())
	}
	sealed, err := pasetoCrypt(cipherKey, counter, data)
	if err != nil {
		return failed(l, err.Error())
	}
	tag := pasetoTagOf(authKey, pasetoHeader, nonce, string(sealed), footer, implied)
	token := pasetoHeader + base64.RawURLEncoding.EncodeToString(append(append(n, sealed...), tag...))
	if footer != "" {
		token += "." + base64.RawURLEncoding.EncodeToString([]byte(footer))
	}
	return one(l, lua.LString(token))
}

// pasetoOpen returns the payload of a token, or nil and what is wrong with it.
func pasetoOpen(l *lua.LState) int {
	token, key, want, implied := pasetoArgs(l)
	rest, ok := strings.CutPrefix(token, pasetoHeader)
	if !ok {
		return failed(l, "invalid-token-format")
	}
	body, footer64, _ := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.DecodeString(body)
	footer, errFooter := base64.RawURLEncoding.DecodeString(footer64)
	if err != nil || errFooter != nil || len(raw) < pasetoNonce+pasetoTag {
		return failed(l, "invalid-token-format")
	}
	if !hmac.Equal(footer, []byte(want)) {
		return failed(l, "invalid-footer")
	}
	nonce, sealed := string(raw[:pasetoNonce]), string(raw[pasetoNonce:len(raw)-pasetoTag])
	cipherKey, counter, authKey, err := pasetoKeys(key, nonce)
	if err != nil {
		return failed(l, err.Error())
	}
	if !hmac.Equal(raw[len(raw)-pasetoTag:], pasetoTagOf(authKey, pasetoHeader, nonce, sealed, want, implied)) {
		return failed(l, "signature-mismatch")
	}
	data, err := pasetoCrypt(cipherKey, counter, sealed)
	if err != nil {
		return failed(l, err.Error())
	}
	return one(l, lua.LString(data))
}
