-- SPDX-License-Identifier: Apache-2.0
-- A database of version 1, as its server left it after a crash: the archive's
-- row counts one entry, and two have come since.
PRAGMA application_id = 1414677332;
CREATE TABLE schema_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO schema_version (version_id, is_applied) VALUES (0, 1), (1, 1);
CREATE TABLE server (
    one        INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL,
    floor      INTEGER NOT NULL,
    secret     BLOB    NOT NULL
) STRICT;
INSERT INTO server VALUES (1, 3, 0, x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');

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

CREATE TABLE entry (
    id      INTEGER NOT NULL PRIMARY KEY,
    archive INTEGER NOT NULL,
    peer    INTEGER NOT NULL,
    lag     INTEGER NOT NULL,
    jid     TEXT    NOT NULL,
    body    BLOB    NOT NULL
) STRICT;
CREATE INDEX entry_key ON entry (archive, id, peer, lag);
INSERT INTO store (id, host, name, kind) VALUES (1, 'example.org', 'vcard', 1), (2, 'example.org', 'roster', 2), (3, 'example.org', 'archive', 3);
INSERT INTO value (store, owner, value) VALUES (1, 'romeo', x'3c76436172642f3e');
INSERT INTO pair (store, owner, key, value) VALUES (2, 'romeo', 'juliet@example.org', x'626f7468'), (2, 'romeo', 'nurse@example.org', x'6e6f6e65');
INSERT INTO archive (id, store, owner, rows, upto, latest, disorder) VALUES (1, 3, 'romeo', 1, 3619477596160000002, 1767323044999988, 0);
INSERT INTO entry (id, archive, peer, lag, jid, body) VALUES
    (3619477596160000002, 1, 219726868375093, -12, 'juliet@example.org/balcony', x'6f6e65'),
    (3619477598208000002, 1, 221551646067293, -9, 'nurse@example.org', x'74776f'),
    (3619477600256000002, 1, 219726868375093, 3, 'juliet@example.org/chamber', x'7468726565');
