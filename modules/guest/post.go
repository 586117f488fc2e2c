// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"encoding/json"
	"time"

	"tercet/core/ext"
	"tercet/core/guest"
	"tercet/core/stanza"
)

// A Rule is what the config says of a guest at some extension points, where that
// is not what holds for the whole guest.
type Rule struct {
	Limit     time.Duration `lua:"limit" min:"1ms" max:"10s" doc:"Most time for an event there."`
	OnFailure string        `lua:"on_failure" enum:"pass|stop" doc:"What is left of the guest there when it fails."`
}

// Rules are by the names of extension points, in which "*" stands for any text.
type Rules map[string]Rule

// at is the rule for a point: of those that fit, the one with the longest name.
func (r Rules) at(point string) (found Rule) {
	longest := -1
	for pattern, rule := range r {
		if len(pattern) > longest && (pattern == point || glob(pattern, point)) {
			longest, found = len(pattern), rule
		}
	}
	return found
}

// A Post is a guest's guard at one extension point.
type Post struct {
	Point string
	Limit time.Duration // for one event

	guard  *Guard
	policy Policy
}

// Post returns the guard at a point. The limit is that of the guest where the
// rules have no other.
func (g *Guard) Post(point string, limit time.Duration, rules Rules) *Post {
	p, rule := &Post{Point: point, Limit: limit, guard: g, policy: g.policy}, rules.at(point)
	if rule.Limit > 0 {
		p.Limit = rule.Limit
	}
	if rule.OnFailure != "" {
		p.policy = Policy(rule.OnFailure)
	}
	return p
}

// Failed notes a call that failed.
func (p *Post) Failed(ctx context.Context, err error) { p.guard.Failed(ctx, p.Point, err) }

// Spared notes a call that was not made, which is no fault of the guest.
func (p *Post) Spared(ctx context.Context, err error) { p.guard.note(ctx, p.Point, err) }

// Missed notes a call that was not answered, see [Guard.Missed].
func (p *Post) Missed(ctx context.Context, err error) { p.guard.Missed(ctx, p.Point, err) }

// Verdict answers an event for a guest that has failed, or is suspended.
func (p *Post) Verdict(ctx context.Context, ev *guest.Event) ext.Verdict {
	return p.policy.verdict(ctx, ev)
}

func (p Policy) verdict(ctx context.Context, ev *guest.Event) ext.Verdict {
	switch {
	case p != Stop:
		return ext.Next
	case ev.Route != nil:
		ev.Route.Bounce(ctx, stanza.Fail(stanza.InternalServerError, ""))
	case ev.Change != nil:
		_ = ev.Change(json.RawMessage(`{"refuse":"The server cannot decide this at the moment."}`)) // if it can be refused at all
	}
	return ext.Stop
}
