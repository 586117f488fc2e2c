// SPDX-License-Identifier: Apache-2.0

// Package storage holds the contracts between the modules that keep data and
// the drivers that store them: key-value stores, maps and archives.
//
// Each store is named by a host and a store name, and holds the data of many
// owners: usually the localpart of an account, or of a room; "" is the host
// itself. What one owner has is never seen through another's name. Archives
// follow what XEP-0313 (Message Archive Management, 1.1.3) and XEP-0059 (Result
// Set Management) ask: stable ids, pages by id, and filters by JID and time.
package storage

import (
	"context"
	"errors"
	"iter"
	"time"

	"tercet/core/jid"
)

var (
	// ErrNotFound says that one of the ids in Query.IDs is not in the archive.
	ErrNotFound = errors.New("no such entry")
	// ErrFull says that the disk, or the room given to the store, is full.
	// Nothing was written; the store goes on once there is space again.
	ErrFull = errors.New("no space left in the store")
	// ErrUnavailable says that the store does not answer in time, has too much
	// waiting to be written, or is closed. After a Set it leaves open whether
	// the change will still be written.
	ErrUnavailable = errors.New("the store is not available")
	// ErrTooLarge says that a value, a key or an owner is longer than MaxValue
	// or MaxName.
	ErrTooLarge = errors.New("too large for the store")
)

const (
	// MaxValue is the longest value or body, in bytes.
	MaxValue = 16 << 20
	// MaxName is the longest owner or key, in bytes: a full JID of RFC 7622
	// has at most 3071.
	MaxName = 4096
)

// CheckNames refuses hosts, stores, owners and keys that are longer than MaxName,
// with ErrTooLarge.
func CheckNames(names ...string) error {
	for _, name := range names {
		if len(name) > MaxName {
			return ErrTooLarge
		}
	}
	return nil
}

// A Driver keeps stores of all hosts of a server. It is safe for concurrent use,
// and so are its stores. Opening a store writes nothing.
type Driver interface {
	KeyValue(host, store string) (KeyValue, error)
	Map(host, store string) (Map, error)
	Archive(host, store string) (Archive, error)
	// Purge removes what owner has in every store of the host.
	Purge(ctx context.Context, host, owner string) error
	// Stores lists the stores that have been written to, by host, name and kind.
	Stores(ctx context.Context) ([]StoreInfo, error)
	// Close commits what is pending. Its stores answer ErrUnavailable afterwards.
	Close() error
}

// KeyValue keeps one value per owner.
type KeyValue interface {
	// Get returns nil, nil when there is no value. The caller owns the bytes.
	Get(ctx context.Context, owner string) ([]byte, error)
	// Set returns after the value has been committed; nil deletes it, while an
	// empty value that is not nil is a value.
	Set(ctx context.Context, owner string, value []byte) error
	// Owners yields those that have a value, in the order of their bytes.
	Owners(ctx context.Context) iter.Seq2[string, error]
}

// Map keeps values by key for each owner.
type Map interface {
	// Get returns nil, nil when there is no value. The caller owns the bytes.
	Get(ctx context.Context, owner, key string) ([]byte, error)
	// Set makes all changes in one transaction, or none, and returns after it
	// has been committed. A nil value deletes its key.
	Set(ctx context.Context, owner string, changes map[string][]byte) error
	// All yields what owner has, in the order of the keys' bytes.
	All(ctx context.Context, owner string) iter.Seq2[Pair, error]
	// Find yields what all owners have under key, in the order of the owners' bytes.
	Find(ctx context.Context, key string) iter.Seq2[OwnerValue, error]
	// Clear removes all that owner has.
	Clear(ctx context.Context, owner string) error
}

// Pair is a key of a Map and its value.
type Pair struct {
	Key   string
	Value []byte
}

// OwnerValue is what one owner of a Map has under the key that was looked for.
type OwnerValue struct {
	Owner string
	Value []byte
}

// Archive keeps entries for each owner in the order in which they came.
//
// Find, Count, Bounds, Delete and Expire see each entry whose Append returned
// before they were called, unless its commit failed. Times are kept in
// microseconds; what is finer is cut off.
type Archive interface {
	// Append takes an entry over and returns its id at once, before it is
	// written; e.ID is ignored, and e.Body must not change any more. Ids are
	// strings that grow in the order of the commits, tell the time, and are
	// never used again. Commit tells when the entry is safe, or that it was lost.
	Append(owner string, e Entry) (id string, c Commit, err error)
	// Find yields what q asks for: oldest first, or newest first with
	// q.Backward. It reads ahead by some entries and holds nothing of the store
	// while the caller works on one. What is appended after the call is left out.
	Find(ctx context.Context, owner string, q Query) iter.Seq2[Entry, error]
	// Count counts what q asks for. It ignores q.Limit and q.Backward.
	Count(ctx context.Context, owner string, q Query) (int, error)
	// Bounds returns the oldest and the newest entry without their bodies;
	// nil and nil when there is none.
	Bounds(ctx context.Context, owner string) (first, last *Entry, err error)
	// Delete removes what q asks for, in slices between which others write,
	// and returns how many that were. Ids that do not exist are passed over.
	// After an error, what the count says has been removed.
	Delete(ctx context.Context, owner string, q Query) (int, error)
	// Expire removes the entries of all owners that are older than before, in
	// slices, except those of owners for which a keep function returns true.
	Expire(ctx context.Context, before time.Time, keep ...func(owner string) bool) (int, error)
	// Owners yields those that have entries, in the order of their bytes.
	Owners(ctx context.Context) iter.Seq2[string, error]
}

// Entry is one stanza in an archive.
type Entry struct {
	ID   string    // given by Append
	When time.Time // in UTC when it comes from an archive
	With jid.JID   // the other side; may be zero
	Body []byte    // the stanza in normal form
}

// Query says which entries are meant. Its zero value means all; what is set
// must hold together.
type Query struct {
	With       jid.JID   // a bare JID stands for all its resources, a full one for itself
	Start, End time.Time // both inclusive; zero: open
	// After and Before are ids, both exclusive. An id that does not exist, or
	// no longer, is a position all the same: ids are compared as strings.
	After, Before string
	// IDs asks for these entries; Find and Count end in ErrNotFound when one
	// of them is not there. Whatever their order, the archive's is kept.
	IDs []string
	// Known are ids that have to be there: Find and Count end in ErrNotFound
	// when one is not. Beside that they change nothing.
	Known    []string
	Limit    int // at most so many; 0: no limit
	Backward bool
}

// Kind says what a store is.
type Kind uint8

// The kinds of stores.
const (
	KindKeyValue Kind = iota + 1
	KindMap
	KindArchive
)

// String returns the word that an admin sees.
func (k Kind) String() string {
	switch k {
	case KindKeyValue:
		return "key-value"
	case KindMap:
		return "map"
	case KindArchive:
		return "archive"
	}
	return "unknown"
}

// StoreInfo says of one store what it is and where it lies.
type StoreInfo struct {
	Host, Store string
	Kind        Kind
	Place       string // a file, or "memory"
	Rows        int    // values, pairs or entries
}
