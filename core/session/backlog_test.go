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
		for range 512 {
			b.Add(0)
		}
		b.Add(100_000)
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
		b.Done(0)
		synctest.Wait()
		select {
		case <-read:
			t.Fatal("the reader went on while too many bytes wait")
		default:
		}
		b.Done(100_000)
		<-read
		b.Wait(t.Context()) // there is room now
	})
}
