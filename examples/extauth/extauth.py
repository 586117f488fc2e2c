#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""extauth.py FILE answers Tercet or ejabberd about the accounts in FILE.

A line of FILE is user@host, a tab, and the password as salt$hash (PBKDF2).
Several processes of the script may run at once.
"""

import fcntl
import hashlib
import hmac
import os
import struct
import sys

ROUNDS = 10_000


def hashed(password, salt=None):
    salt = salt or os.urandom(16).hex()
    return salt + "$" + hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), ROUNDS).hex()


class Accounts:
    """The accounts in a file, which is locked while one of them changes."""

    def __init__(self, name):
        self.name = name

    def read(self):
        try:
            with open(self.name, encoding="utf-8") as f:
                return dict(line.rstrip("\n").split("\t", 1) for line in f if "\t" in line)
        except FileNotFoundError:
            return {}

    def change(self, fn):
        """Replace the file by what fn makes of the accounts; False leaves it."""
        with open(self.name + ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            all = self.read()
            if not fn(all):
                return False
            with open(self.name + ".new", "w", encoding="utf-8") as f:
                os.fchmod(f.fileno(), 0o600)
                f.writelines(f"{jid}\t{secret}\n" for jid, secret in all.items())
            os.replace(self.name + ".new", self.name)
            return True

    def auth(self, jid, password):
        kept = self.read().get(jid)
        if kept is None:
            hashed(password)  # takes as long as for an account
            return False
        return hmac.compare_digest(kept, hashed(password, kept.split("$")[0]))

    def isuser(self, jid):
        return jid in self.read()

    def setpass(self, jid, password):
        return self.change(lambda all: jid in all and bool(all.update({jid: hashed(password)}) or True))

    def tryregister(self, jid, password):
        return self.change(lambda all: jid not in all and bool(all.update({jid: hashed(password)}) or True))

    def removeuser(self, jid):
        return self.change(lambda all: all.pop(jid, None) is not None)

    def removeuser3(self, jid, password):
        return self.auth(jid, password) and self.removeuser(jid)


def answer(accounts, question):
    op, user, host, *password = question.split(":", 3)  # a password may hold colons
    jid = user + "@" + host
    known = {"isuser": 0, "removeuser": 0, "auth": 1, "setpass": 1, "tryregister": 1, "removeuser3": 1}
    if known.get(op) != len(password):
        return False
    return getattr(accounts, op)(jid, *password)


def main():
    accounts = Accounts(sys.argv[1])
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    while head := questions.read(2):
        question = questions.read(struct.unpack(">H", head)[0]).decode()
        try:
            yes = answer(accounts, question)
        except OSError as err:  # the server logs it, and gives nobody an answer
            sys.exit(f"extauth.py: {err}")
        answers.write(struct.pack(">HH", 2, yes))
        answers.flush()


main()
