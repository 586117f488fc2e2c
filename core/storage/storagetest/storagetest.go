// SPDX-License-Identifier: Apache-2.0

// Package storagetest holds the contract of core/storage as tests that each
// driver runs.
package storagetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"tercet/core/jid"
	"tercet/core/storage"
)

// Run tests a driver. open returns an empty one, which Run closes.
func Run(t *testing.T, open func(t *testing.T) storage.Driver) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, *fixture)
	}{
		{"KeyValue", testKeyValue},
		{"KeyValueOwners", testKeyValueOwners},
		{"Map", testMap},
		{"MapManyKeys", testMapManyKeys},
		{"MapFind", testMapFind},
		{"Separation", testSeparation},
		{"HostileNames", testHostileNames},
		{"Sizes", testSizes},
		{"Cancelled", testCancelled},
		{"Archive", testArchive},
		{"ArchivePages", testPages},
		{"ArchivePositions", testPositions},
		{"ArchiveIDs", testIDs},
		{"ArchiveWith", testWith},
		{"ArchiveTimes", testTimes},
		{"ArchiveModel", testModel},
		{"ArchiveSnapshot", testSnapshot},
		{"ArchiveDelete", testDelete},
		{"ArchiveExpire", testExpire},
		{"ArchiveLargeBodies", testLargeBodies},
		{"ArchiveOwners", testArchiveOwners},
		{"Commit", testCommit},
		{"Purge", testPurge},
		{"Stores", testStores},
		{"Hammer", testHammer},
		{"HammerDelete", testHammerDelete},
		{"Close", testClose},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fixture{Driver: open(t), t: t, ctx: t.Context()}
			t.Cleanup(func() {
				if err := f.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			tt.test(t, f)
		})
	}
}

// fixture is a driver with short ways to its stores.
type fixture struct {
	storage.Driver
	t   *testing.T
	ctx context.Context //nolint:containedctx // that of the test
}

func (f *fixture) check(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) kv(host, store string) storage.KeyValue {
	f.t.Helper()
	kv, err := f.KeyValue(host, store)
	f.check(err)
	return kv
}

func (f *fixture) pairs(host, store string) storage.Map {
	f.t.Helper()
	m, err := f.Map(host, store)
	f.check(err)
	return m
}

func (f *fixture) archive(host, store string) storage.Archive {
	f.t.Helper()
	a, err := f.Archive(host, store)
	f.check(err)
	return a
}

// add appends an entry with the text as its body, and returns its id.
func (f *fixture) add(a storage.Archive, owner string, when time.Time, with, text string) string {
	f.t.Helper()
	id, _, err := a.Append(owner, storage.Entry{When: when, With: address(with), Body: []byte(text)})
	f.check(err)
	return id
}

// address parses a JID; "" is the zero JID.
func address(s string) jid.JID {
	if s == "" {
		return jid.JID{}
	}
	return jid.MustParse(s)
}

// bodies returns the bodies of what q finds, with blanks between.
func (f *fixture) bodies(a storage.Archive, owner string, q storage.Query) string {
	f.t.Helper()
	var texts []string
	for e, err := range a.Find(f.ctx, owner, q) {
		f.check(err)
		texts = append(texts, string(e.Body))
	}
	return strings.Join(texts, " ")
}

// finds fails unless q finds the bodies, and Count agrees.
func (f *fixture) finds(a storage.Archive, owner string, q storage.Query, want string) {
	f.t.Helper()
	if got := f.bodies(a, owner, q); got != want {
		f.t.Errorf("Find(%q, %s) = %q, want %q", owner, show(q), got, want)
	}
	if q.Limit > 0 {
		return
	}
	n, err := a.Count(f.ctx, owner, q)
	f.check(err)
	if n != len(strings.Fields(want)) {
		f.t.Errorf("Count(%q, %s) = %d, want %d", owner, show(q), n, len(strings.Fields(want)))
	}
}

func show(q storage.Query) string {
	return fmt.Sprintf("{With:%s Start:%v End:%v After:%q Before:%q IDs:%q Limit:%d Backward:%v}",
		q.With, q.Start, q.End, q.After, q.Before, q.IDs, q.Limit, q.Backward)
}

// collect returns what an iteration yields.
func collect[T any](f *fixture, seq iter.Seq2[T, error]) []T {
	f.t.Helper()
	var all []T
	for v, err := range seq {
		f.check(err)
		all = append(all, v)
	}
	return all
}

// failure returns the error that an iteration ends with, and how many it yielded.
func failure[T any](seq iter.Seq2[T, error]) (n int, failed error) {
	for _, err := range seq {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func wantIs(t *testing.T, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: got error %v, want one that is %q", what, err, target)
	}
}

func wantEqual[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
