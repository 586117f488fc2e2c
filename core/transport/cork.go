// SPDX-License-Identifier: Apache-2.0

package transport

import "slices"

// corkScan is how many Conns a Cork searches one by one before it keeps a map.
const corkScan = 16

// CorkLimit is how many bytes may wait in one Conn of a Cork before its owner
// should flush without being drained.
const CorkLimit = 64 << 10

// Cork remembers the Conns that one reader has dirtied until its input is
// drained. It belongs to one goroutine; its zero value is ready.
type Cork struct {
	conns []*Conn
	seen  map[*Conn]struct{} // as conns, once they are more than corkScan
}

// Add remembers a dirty Conn once.
func (k *Cork) Add(c *Conn) {
	if len(k.conns) < corkScan {
		if !slices.Contains(k.conns, c) {
			k.conns = append(k.conns, c)
		}
		return
	}
	if k.seen == nil {
		k.seen = make(map[*Conn]struct{}, 2*corkScan)
		for _, d := range k.conns {
			k.seen[d] = struct{}{}
		}
	}
	if _, ok := k.seen[c]; ok {
		return
	}
	k.seen[c] = struct{}{}
	k.conns = append(k.conns, c)
}

// Len is the number of Conns that wait.
func (k *Cork) Len() int { return len(k.conns) }

// Flush flushes all of them and forgets them.
func (k *Cork) Flush() {
	for i, c := range k.conns {
		k.conns[i] = nil
		c.Flush()
	}
	k.conns, k.seen = k.conns[:0], nil
	if cap(k.conns) > 1024 {
		k.conns = nil
	}
}
