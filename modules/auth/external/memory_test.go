// SPDX-License-Identifier: Apache-2.0

package external

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(time.Minute)
		wants := func(user string, exists, ok, was bool) {
			t.Helper()
			if e, k := m.get(user); e != exists || k != ok || m.was(user) != was {
				t.Errorf("%s: %v, %v, was %v", user, e, k, m.was(user))
			}
		}
		wants("romeo", false, false, false)
		m.put("romeo", true, m.mark())
		m.put("nobody", false, m.mark())
		wants("romeo", true, true, true)
		wants("nobody", false, true, false)
		time.Sleep(59 * time.Second)
		wants("romeo", true, true, true)
		time.Sleep(time.Second)
		wants("romeo", false, false, true)
		wants("nobody", false, false, false)
		time.Sleep(time.Hour)
		wants("romeo", false, false, false)

		// What was asked before a change is not known after it.
		since := m.mark()
		m.forget("romeo")
		m.put("romeo", true, since)
		wants("romeo", false, false, false)
		m.put("romeo", true, m.mark())
		m.forget("romeo")
		wants("romeo", false, false, false)
	})
	none := newMemory(0)
	none.put("romeo", true, none.mark())
	if _, ok := none.get("romeo"); ok || none.was("romeo") {
		t.Error("something is remembered for no time")
	}
}

// Guessed names find an end, and drive no account out.
func TestNamesBounded(t *testing.T) {
	m := newMemory(time.Minute)
	for i := range 100 {
		m.put("user"+strconv.Itoa(i), true, m.mark())
	}
	for i := range 3 * maxNames {
		m.put("guess"+strconv.Itoa(i), false, m.mark())
		if len(m.names) > maxNames {
			t.Fatalf("%d names", len(m.names))
		}
	}
	for i := range 100 {
		if yes, ok := m.get("user" + strconv.Itoa(i)); !yes || !ok {
			t.Fatalf("user%d is forgotten", i)
		}
	}
}
