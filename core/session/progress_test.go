// SPDX-License-Identifier: Apache-2.0

package session

import (
	"testing"
	"testing/synctest"
	"time"

	"tercet/core/jid"
	"tercet/core/stream"
)

func TestProgressCountsWhatIsDoneInOrder(t *testing.T) {
	var p Progress
	st := new(stream.Stream)
	grown := []uint32{}
	p.Start(st, func(done uint32) { grown = append(grown, done) })
	var all []Ticket
	for range 3 {
		n, ok := p.Begin(st)
		if !ok {
			t.Fatal("the stream's stanzas do not count")
		}
		all = append(all, n)
	}
	p.Finish(all[1])
	if begun, done := p.Counts(); begun != 3 || done != 0 {
		t.Errorf("got %d begun and %d done, want 3 and 0", begun, done)
	}
	p.Finish(all[0])
	p.Finish(all[2])
	if begun, done := p.Counts(); begun != 3 || done != 3 {
		t.Errorf("got %d begun and %d done, want 3 and 3", begun, done)
	}
	if len(grown) != 2 || grown[0] != 2 || grown[1] != 3 {
		t.Errorf("told of %v, want 2 and 3", grown)
	}
	if _, ok := p.Begin(new(stream.Stream)); ok {
		t.Error("another stream's stanzas count")
	}
}

func TestProgressWraps(t *testing.T) {
	var p Progress
	st := new(stream.Stream)
	p.Start(st, nil)
	p.at.Load().begun, p.at.Load().done = 1<<32-2, 1<<32-2
	for _, want := range []uint32{1<<32 - 1, 0, 1} {
		n, _ := p.Begin(st)
		p.Finish(n)
		if _, done := p.Counts(); done != want {
			t.Errorf("got %d done, want %d", done, want)
		}
	}
}

// What is not done when another stream takes over is sent again by the client:
// it must not count twice, nor finish what has its number by then.
func TestTakeOverTakesBackWhatIsNotDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Progress
		a, b := new(stream.Stream), new(stream.Stream)
		p.Start(a, nil)
		first, _ := p.Begin(a)
		late, _ := p.Begin(a)
		p.Finish(first)
		if done, ok := p.TakeOver(b, time.Second); ok || done != 1 {
			t.Fatalf("got %d, %v, want 1 in vain", done, ok)
		}
		again, ok := p.Begin(b)
		if begun, done := p.Counts(); !ok || begun != 2 || done != 1 {
			t.Fatalf("got %d begun and %d done, want 2 and 1", begun, done)
		}
		p.Finish(late)
		if _, done := p.Counts(); done != 1 {
			t.Errorf("late work counts: %d done, want 1", done)
		}
		p.Finish(again)
		if _, done := p.Counts(); done != 2 {
			t.Errorf("got %d done, want 2", done)
		}
	})
}

func TestTakeOverWaitsForWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Progress
		a, b := new(stream.Stream), new(stream.Stream)
		p.Start(a, nil)
		n, _ := p.Begin(a)
		time.AfterFunc(time.Second, func() { p.Finish(n) })
		if done, ok := p.TakeOver(b, 2*time.Second); !ok || done != 1 {
			t.Errorf("got %d, %v, want 1 in time", done, ok)
		}
	})
}

func TestOnlyThePresentStreamIsDetached(t *testing.T) {
	a, b := new(stream.Stream), new(stream.Stream)
	s := New(jid.MustParse("romeo@example.org/orchard"), a)
	if _, ok := s.Attach(b, nil, nil); !ok {
		t.Fatal("not attached")
	}
	if s.Detach(a, nil) || s.Stream() != b {
		t.Error("the old stream's end took the new one away")
	}
	ran := false
	if !s.Detach(b, func() { ran = true }) || !ran || s.Stream() != nil {
		t.Error("not detached")
	}
}
