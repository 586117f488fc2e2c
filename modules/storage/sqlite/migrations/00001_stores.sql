-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- One row. generation grows with each opening; floor is an id of an entry that
-- was deleted, and no new id is below it; secret keys the hash of JIDs.
CREATE TABLE server (
    one        INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL,
    floor      INTEGER NOT NULL,
    secret     BLOB    NOT NULL
) STRICT;
INSERT INTO server VALUES (1, 0, 0, randomblob(32));

-- kind: 1 key-value, 2 map, 3 archive
CREATE TABLE store (
    id   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    host TEXT    NOT NULL,
    name TEXT    NOT NULL,
    kind INTEGER NOT NULL,
    UNIQUE (host, name, kind)
) STRICT;

CREATE TABLE value (
    id    INTEGER NOT NULL PRIMARY KEY,
    store INTEGER NOT NULL,
    owner TEXT    NOT NULL,
    value BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX value_owner ON value (store, owner);

CREATE TABLE pair (
    id    INTEGER NOT NULL PRIMARY KEY,
    store INTEGER NOT NULL,
    owner TEXT    NOT NULL,
    key   TEXT    NOT NULL,
    value BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX pair_owner ON pair (store, owner, key);
CREATE INDEX pair_key ON pair (store, key, owner);

-- Of the entries with ids up to upto, rows is the number, and latest the
-- greatest time. disorder is how much older than an entry before it an entry
-- may be. Times and spans are in microseconds.
CREATE TABLE archive (
    id       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    store    INTEGER NOT NULL,
    owner    TEXT    NOT NULL,
    rows     INTEGER NOT NULL,
    upto     INTEGER NOT NULL,
    latest   INTEGER NOT NULL,
    disorder INTEGER NOT NULL,
    UNIQUE (store, owner)
) STRICT;

-- The entries of all archives in the order of their ids, which is that of the
-- commits. lag is the entry's time less the time in its id (id >> 11); peer is
-- the keyed hash of the bare JID of the other side, jid that JID in full.
-- The one index holds what filters need, so that they do not read rows.
CREATE TABLE entry (
    id      INTEGER NOT NULL PRIMARY KEY,
    archive INTEGER NOT NULL,
    peer    INTEGER NOT NULL,
    lag     INTEGER NOT NULL,
    jid     TEXT    NOT NULL,
    body    BLOB    NOT NULL
) STRICT;
CREATE INDEX entry_key ON entry (archive, id, peer, lag);
