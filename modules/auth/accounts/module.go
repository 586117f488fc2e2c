// SPDX-License-Identifier: Apache-2.0

package accounts

import (
	"context"
	"fmt"
	"time"

	"tercet/config"
	"tercet/core/auth"
	"tercet/core/module"
	"tercet/core/slot"
)

// Module keeps keys of passwords; it is what hosts have that say nothing about
// authentication.
var Module = module.Define("auth_internal_hashed", module.OnHost, defaults, loadHashed).Named("auth_internal")

// Plain keeps the passwords, too, for protocols that cannot do without.
var Plain = module.Define("auth_internal_plain", module.OnHost, defaults, loadPlain)

type options struct {
	Hashes     []string      `lua:"password_hash" enum:"SHA-1|SHA-256|SHA-512" doc:"Hashes of which new passwords get keys: a word or a list. SCRAM is offered with those of which each account has keys."`
	Iterations int           `lua:"default_iteration_count" min:"4096" max:"10000000" doc:"Iterations of PBKDF2 for new keys."`
	CacheSize  int           `lua:"auth_cache_size" min:"0" doc:"Accounts that are kept in memory, and as many names that do not exist; 0 keeps none."`
	CacheLife  time.Duration `lua:"auth_cache_life_time" min:"1s" never:"true" doc:"Time after which an account is read again."`
}

var defaults = options{
	Hashes: []string{"SHA-1", "SHA-256", "SHA-512"}, Iterations: 10_000,
	CacheSize: 5_000, CacheLife: time.Hour,
}

// Check says what tags cannot.
func (o *options) Check(c *config.Check) {
	if len(o.Hashes) == 0 {
		c.At("password_hash").Errorf("want at least one hash")
	}
}

const (
	// openTime is how long the store may take to answer when a host starts.
	openTime = 30 * time.Second
	// sweepPeriod is how often it is looked whether more hashes can be offered.
	sweepPeriod = time.Hour
)

var perHost = slot.New[shared]("accounts")

func loadHashed(s *module.Scope, o options) error { return load(s, o, false) }

func loadPlain(s *module.Scope, o options) error { return load(s, o, true) }

func load(s *module.Scope, o options, plain bool) error {
	kv, err := s.KeyValue("accounts")
	if err != nil {
		return err
	}
	p := &provider{
		shared: perHost.Of(s.Host), kv: kv, cache: newCache(o.CacheSize, o.CacheLife), log: s.Log, metrics: s.Env.Metrics,
		policy: policy{hashes: hashSetOf(o.Hashes), iterations: o.Iterations, plain: plain},
	}
	leave := p.join(p.cache)
	s.Defer(func() error { leave(); return nil })
	ctx, cancel := context.WithTimeout(s.Context(), openTime)
	defer cancel()
	if err := p.open(ctx); err != nil {
		return fmt.Errorf("open the accounts of %s: %w", s.Host.Name, err)
	}
	auth.Accounts.Offer(s, p)
	sweep := func(ctx context.Context) {
		if err := p.sweep(ctx); err != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "accounts not looked through", "err", err)
		}
	}
	s.Go(sweep)
	s.Every(sweepPeriod, sweep)
	return nil
}
