// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"tercet/core/element"
	"tercet/core/jid"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/stanza"
	"tercet/core/storage"
)

// TestSendersWaitForTheStore: who sends faster than is stored is not read.
func TestSendersWaitForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := session.New(jid.MustParse("romeo@example.org/orchard"), nil)
		body := element.New(element.NSClient, "body").Text(strings.Repeat("x", 2<<20)).Element()
		ev := &route.Event{Origin: s, Stanza: stanza.New(stanza.Message, "chat", s.JID, jid.JID{}, "", body)}
		b := storage.NewBatch(nil)
		ev.Await(b.Commit())
		read := make(chan struct{})
		go func() {
			s.Backlog().Wait(t.Context())
			close(read)
		}()
		synctest.Wait()
		select {
		case <-read:
			t.Fatal("the sender is read though 2 MiB of its stanzas are not safe")
		default:
		}
		b.Finish(nil)
		b.Run()
		<-read
	})
}
