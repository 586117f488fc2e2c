// SPDX-License-Identifier: Apache-2.0

// Extauth FILE answers Tercet or ejabberd about the accounts in FILE, whose
// lines are user@host, a tab, and the password as salt$hash. It only reads them.
package main

import (
	"bufio"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

const rounds = 10_000

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: extauth FILE")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "extauth:", err)
		os.Exit(1)
	}
}

// serve answers until there are no questions left.
func serve(file string, in io.Reader, out io.Writer) error {
	for {
		var length uint16
		if err := binary.Read(in, binary.BigEndian, &length); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		question := make([]byte, length)
		if _, err := io.ReadFull(in, question); err != nil {
			return err
		}
		yes, err := answer(file, string(question))
		if err != nil {
			return err
		}
		frame := []byte{0, 2, 0, 0}
		if yes {
			frame[3] = 1
		}
		if _, err := out.Write(frame); err != nil {
			return err
		}
	}
}

func answer(file, question string) (bool, error) {
	field := strings.SplitN(question, ":", 4) // a password may hold colons
	if len(field) < 3 {
		return false, nil
	}
	secret, found, err := kept(file, field[1]+"@"+field[2])
	switch {
	case err != nil:
		return false, err
	case field[0] == "isuser" && len(field) == 3:
		return found, nil
	case field[0] == "auth" && len(field) == 4:
		return opens(field[3], secret)
	}
	return false, nil
}

// kept is what the file has for an account.
func kept(file, jid string) (secret string, found bool, err error) {
	f, err := os.Open(file)
	if err != nil {
		return "", false, err
	}
	defer func() { _ = f.Close() }() // it was only read
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if name, secret, ok := strings.Cut(lines.Text(), "\t"); ok && name == jid {
			return secret, true, nil
		}
	}
	return "", false, lines.Err()
}

// opens takes as long where there is no account.
func opens(password, secret string) (bool, error) {
	salt, hash, _ := strings.Cut(secret, "$")
	key, err := pbkdf2.Key(sha256.New, password, []byte(salt), rounds, sha256.Size)
	return err == nil && subtle.ConstantTimeCompare([]byte(hex.EncodeToString(key)), []byte(hash)) == 1, err
}
