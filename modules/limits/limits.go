// SPDX-License-Identifier: Apache-2.0

// Package limits bounds how many bytes a second are read from each stream.
package limits

import (
	"context"
	"fmt"
	"time"

	"tercet/config"
	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/stream"
)

// Module is the rate limiting module.
var Module = module.Define("limits", module.OnHost, options{Resolution: 1}, load)

type options struct {
	Limits     limits   `lua:"limits" doc:"Table by kind of stream (c2s, s2sin): { rate = \"10kb/s\", burst = \"2s\" }."`
	Resolution float64  `lua:"limits_resolution" min:"0" doc:"Accepted for Prosody's sake; streams are paused for as long as the rate asks, exactly."`
	Unlimited  []string `lua:"unlimited_jids" doc:"Bare JIDs of accounts whose streams are not limited."`
}

// limits is the option of that name.
type limits map[string]limit

type limit struct {
	rate  config.Rate
	burst time.Duration
}

// defaultBurst is how long the full rate may have been saved up.
const defaultBurst = 2 * time.Second

// UnmarshalConfig reads a table of tables.
func (l *limits) UnmarshalConfig(v config.Value) error {
	*l = make(limits)
	if v.Kind() != config.Table {
		return fmt.Errorf("want a table such as { c2s = { rate = \"10kb/s\" } }, got %s", v)
	}
	for _, kind := range v.Fields() {
		one := limit{burst: defaultBurst}
		rate, ok := kind.Value.Get("rate")
		if !ok {
			return fmt.Errorf("limits.%s: rate is missing", kind.Key)
		}
		var err error
		if one.rate, err = config.ParseRate(rate.Str()); err != nil {
			return fmt.Errorf("limits.%s.rate: want a rate such as \"10kb/s\", got %s", kind.Key, rate)
		}
		if burst, ok := kind.Value.Get("burst"); ok {
			if one.burst, err = period(burst); err != nil || one.burst <= 0 {
				return fmt.Errorf("limits.%s.burst: want a time such as \"2s\", got %s", kind.Key, burst)
			}
		}
		(*l)[kind.Key] = one
	}
	return nil
}

// period reads a number of seconds, or a period.
func period(v config.Value) (time.Duration, error) {
	if v.Kind() == config.Number {
		return time.Duration(v.Number() * float64(time.Second)), nil
	}
	return config.ParsePeriod(v.Str())
}

func load(s *module.Scope, o options) error {
	free := make(map[jid.JID]bool)
	for _, text := range o.Unlimited {
		j, err := jid.Parse(text)
		if err != nil {
			return fmt.Errorf("unlimited_jids: %q: %w", text, err)
		}
		free[j.Bare()] = true
	}
	host := s.Host.JID.Domain()
	limit := func(st *stream.Stream) {
		l := o.Limits[st.Kind()] // none lifts what was before a reload
		if user := st.User(); user != "" {
			if j, err := jid.New(user, host, ""); err == nil && free[j] {
				l = limit{}
			}
		}
		st.Limit(int(l.rate), int(float64(l.rate)*l.burst.Seconds()))
	}
	stream.Opened.Handle(s, 0, func(_ context.Context, ev *stream.LifeEvent) ext.Verdict {
		limit(ev.Stream)
		return ext.Next
	})
	s.Go(func(context.Context) { // the streams that are there already
		for ses := range s.Host.Sessions.All() {
			if st := ses.Stream(); st != nil {
				limit(st)
			}
		}
	})
	return nil
}
