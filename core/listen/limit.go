// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"net/netip"
	"sync"
	"time"
)

// refusal is why a connection was closed unheard.
type refusal string

const (
	tooMany  refusal = "too many from one address"
	tooFast  refusal = "too fast from one address"
	badProxy refusal = "no proper PROXY header"
)

// maxPeers bounds the limiter's memory (about 100 bytes each). Beyond it new
// addresses are let in uncounted: whoever holds that many addresses is not
// stopped by limits on one.
const maxPeers = 1 << 17

// reportEvery is how often refusals are logged.
const reportEvery = time.Minute

// limiter counts connections by address; IPv6 by /64, which one customer has.
type limiter struct {
	mu       sync.Mutex // guards what follows
	peers    map[netip.Addr]*peer
	sweepAt  int // size at which idle peers are looked for
	swept    time.Time
	refused  int // since reported
	reported time.Time
}

type peer struct {
	open   int
	tokens float64 // connections that may come at once
	at     time.Time
	full   time.Time // when tokens will be back at the burst
}

func newLimiter() *limiter { return &limiter{peers: make(map[netip.Addr]*peer), sweepAt: 1024} }

// limitKey is what is counted for addr.
func limitKey(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		p, _ := addr.Prefix(64) // 64 is never too long
		return p.Addr()
	}
	return addr
}

// enter counts one connection from addr. The key is for leave; it is zero if
// nothing was counted.
func (l *limiter) enter(addr netip.Addr, spec Spec, now time.Time) (key netip.Addr, why refusal) {
	key = limitKey(addr)
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.peers[key]
	if p == nil {
		// A full table is looked through once a second, not for each newcomer.
		if n := len(l.peers); n >= l.sweepAt && (n < maxPeers || now.Sub(l.swept) >= time.Second) {
			l.sweep(now)
		}
		if len(l.peers) >= maxPeers {
			return netip.Addr{}, ""
		}
		p = &peer{tokens: float64(max(spec.Burst, 1)), at: now}
		l.peers[key] = p
	}
	if spec.MaxPerAddress > 0 && p.open >= spec.MaxPerAddress {
		return netip.Addr{}, tooMany
	}
	if spec.Rate > 0 && !p.take(float64(spec.Rate), float64(max(spec.Burst, 1)), now) {
		return netip.Addr{}, tooFast
	}
	p.open++
	return key, ""
}

// take is a token bucket.
func (p *peer) take(rate, burst float64, now time.Time) bool {
	if passed := now.Sub(p.at).Seconds(); passed > 0 {
		p.tokens += passed * rate
		p.at = now
	}
	p.tokens = min(p.tokens, burst)
	ok := p.tokens >= 1
	if ok {
		p.tokens--
	}
	p.full = now.Add(time.Duration((burst - p.tokens) / rate * float64(time.Second)))
	return ok
}

// leave takes back one enter.
func (l *limiter) leave(key netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.peers[key]
	if p == nil {
		return
	}
	p.open--
	if p.open <= 0 && p.full.IsZero() { // no rate to remember
		delete(l.peers, key)
	}
}

// sweep forgets those of whom there is nothing to remember.
func (l *limiter) sweep(now time.Time) {
	for key, p := range l.peers {
		if p.open <= 0 && !now.Before(p.full) {
			delete(l.peers, key)
		}
	}
	l.swept = now
	l.sweepAt = min(max(1024, 2*len(l.peers)), maxPeers)
}

// report counts a refusal, and returns how many there were when it is time to
// log them.
func (l *limiter) report(now time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused++
	if now.Sub(l.reported) < reportEvery {
		return 0
	}
	n := l.refused
	l.refused, l.reported = 0, now
	return n
}
