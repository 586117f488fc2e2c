// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // modules ask for it by name
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // SCRAM-SHA-1, stream ids, gravatars
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"hash"

	lua "github.com/yuin/gopher-lua"
)

// cryptoLibraries is the libraries of hashes and random numbers.
func cryptoLibraries() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"util.hashes": openHashes,
		"util.hmac": library(map[string]lua.LGFunction{
			"md5": mac(md5.New), "sha1": mac(sha1.New), "sha256": mac(sha256.New), "sha512": mac(sha512.New),
		}),
		"util.random":   openRandom,
		"util.crand":    openRandom,
		"ssl":           openSSL,
		"ssl.x509":      library(map[string]lua.LGFunction{"load": loadCertificate}),
		"tercet.paseto": library(map[string]lua.LGFunction{"seal": pasetoSeal, "open": pasetoOpen}),
	}
}

func openHashes(l *lua.LState) int {
	t := tableOf(l, map[string]lua.LGFunction{
		"md5": digest(md5.New), "sha1": digest(sha1.New), "sha224": digest(sha256.New224), "sha256": digest(sha256.New),
		"sha384": digest(sha512.New384), "sha512": digest(sha512.New),
		"hmac_md5": mac(md5.New), "hmac_sha1": mac(sha1.New), "hmac_sha224": mac(sha256.New224), "hmac_sha256": mac(sha256.New),
		"hmac_sha384": mac(sha512.New384), "hmac_sha512": mac(sha512.New),
		"scram_Hi_sha1": derive(sha1.New), "pbkdf2_hmac_sha1": derive(sha1.New), "pbkdf2_hmac_sha256": derive(sha256.New),
		"equals": func(l *lua.LState) int {
			a, b := l.CheckString(1), l.CheckString(2)
			return one(l, lua.LBool(subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1))
		},
	})
	t.RawSetString("version", lua.LString("tercet"))
	return one(l, t)
}

// pushBytes pushes b, in hexadecimal if argument n is true.
func pushBytes(l *lua.LState, b []byte, n int) int {
	if checkFlag(l, n) {
		return one(l, lua.LString(hex.EncodeToString(b)))
	}
	return one(l, lua.LString(b))
}

func digest(newHash func() hash.Hash) lua.LGFunction {
	return func(l *lua.LState) int {
		h := newHash()
		h.Write([]byte(l.CheckString(1)))
		return pushBytes(l, h.Sum(nil), 2)
	}
}

func mac(newHash func() hash.Hash) lua.LGFunction {
	return func(l *lua.LState) int {
		h := hmac.New(newHash, []byte(l.CheckString(1)))
		h.Write([]byte(l.CheckString(2)))
		return pushBytes(l, h.Sum(nil), 3)
	}
}

// maxIterations bounds how long derive keeps everybody waiting.
const maxIterations = 10_000_000

// derive is PBKDF2 with as many bytes as the hash has (RFC 5802's Hi).
func derive(newHash func() hash.Hash) lua.LGFunction {
	return func(l *lua.LState) int {
		password, salt, rounds := l.CheckString(1), l.CheckString(2), checkInt(l, 3)
		if rounds < 1 || rounds > maxIterations {
			l.ArgError(3, "iterations out of range")
		}
		key, err := pbkdf2.Key(newHash, password, []byte(salt), rounds, newHash().Size())
		if err != nil {
			l.RaiseError("derive a key: %s", err.Error())
		}
		return one(l, lua.LString(key))
	}
}

func openRandom(l *lua.LState) int {
	t := tableOf(l, map[string]lua.LGFunction{
		"bytes": func(l *lua.LState) int {
			n := checkInt(l, 1)
			if n < 0 || n > 1<<20 {
				l.ArgError(1, "between 0 and 1048576 bytes expected")
			}
			b := make([]byte, n)
			rand.Read(b)
			return one(l, lua.LString(b))
		},
		"seed": func(*lua.LState) int { return 0 }, // the system has seeded it
	})
	t.RawSetString("_source", lua.LString("crypto/rand"))
	return one(l, t)
}
