// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"testing"
	"testing/synctest"

	"tercet/core/session"
)

func TestReaderWaitsWhileItsStanzasWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b session.Backlog
		for range 1024 {
			b.Add()
		}
		read := make(chan struct{})
		go func() {
			b.Wait(t.Context())
			close(read)
		}()
		synctest.Wait()
		select {
		case <-read:
			t.Fatal("the reader went on with a full backlog")
		default:
		}
		b.Done()
		<-read
		b.Wait(t.Context()) // there is room now
	})
}
