// SPDX-License-Identifier: Apache-2.0

package external

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"tercet/core/auth"
	"tercet/core/cache"
	"tercet/core/metric"
	"tercet/sdk/proto/accountpb"
)

// errBusy says that too many questions wait already.
var errBusy = errors.New("too many questions wait for the external program")

// errUnavailable says that there was no answer: it is neither yes nor no.
var errUnavailable = errors.New("the external program gives no answer")

// slack is what a question may take beside waiting for the script and its
// answer: starting a plugin, and the way there and back.
const slack = time.Second

const (
	// existsTime is how long it may take to learn whether an account exists:
	// as long as records of accounts may take from storage.
	existsTime = cache.Patience
	// slowPause is for how long nobody asks so any more after that was not
	// enough.
	slowPause = time.Second
)

// errSlow says that the program was too slow a moment ago.
var errSlow = errors.New("the external program takes too long")

var epoch = time.Now()

// A provider is an auth.Provider.
type provider struct {
	*program
	host            string
	room            int // questions that may wait
	known           *memory
	slow            atomic.Int64 // until when nobody asks whether accounts exist: since epoch; 0: never
	yes, no, failed *metric.Counter
}

var _ auth.Provider = (*provider)(nil)

// Hashes implements auth.Provider: the program can only check passwords.
func (*provider) Hashes() []string { return nil }

// Keys implements auth.Provider.
func (*provider) Keys(context.Context, string, string) (k auth.ScramKeys, ok bool, err error) {
	return k, false, fmt.Errorf("keys of an external program: %w", auth.ErrNotSupported)
}

// Users implements auth.Provider: no script can list them.
func (*provider) Users(context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		yield("", fmt.Errorf("list the accounts of an external program: %w", auth.ErrNotSupported))
	}
}

// Exists implements auth.Provider. Messages wait for it on their way: it is
// remembered, has little time, and while nobody answers, an account that was
// there is there.
func (p *provider) Exists(ctx context.Context, user string) (bool, error) {
	if yes, ok := p.known.get(user); ok {
		return yes, nil
	}
	yes, err := p.look(ctx, user)
	if err != nil && p.known.was(user) {
		return true, nil
	}
	return yes, err
}

func (p *provider) look(ctx context.Context, user string) (bool, error) {
	if until := p.slow.Load(); until != 0 && time.Since(epoch) < time.Duration(until) {
		return false, errSlow
	}
	since, begun := p.known.mark(), time.Now()
	ctx, cancel := context.WithTimeout(ctx, existsTime)
	defer cancel()
	yes, err := p.ask(ctx, func(ctx context.Context, a accountpb.AccountClient) (*accountpb.Verdict, error) {
		return a.Exists(ctx, p.jid(user))
	})
	switch {
	case err == nil:
		p.known.put(user, yes, since)
	case time.Since(begun) > existsTime*9/10: // the plugin's clock may be the first to say that it is over
		p.slow.Store(int64(time.Since(epoch) + slowPause))
	}
	return yes, err
}

// Check implements auth.Provider. The password goes out as it was typed: what
// the program compares it with was never prepared here.
func (p *provider) Check(ctx context.Context, user, password string) (bool, error) {
	if _, err := auth.PrepPassword(password); err != nil {
		return false, nil //nolint:nilerr // no account has such a password
	}
	since := p.known.mark()
	yes, err := p.ask(ctx, func(ctx context.Context, a accountpb.AccountClient) (*accountpb.Verdict, error) {
		return a.Check(ctx, &accountpb.Credentials{Account: p.jid(user), Password: password})
	})
	if yes && err == nil {
		p.known.put(user, true, since)
	}
	return yes, err
}

// Create implements auth.Provider.
func (p *provider) Create(ctx context.Context, user, password string) error {
	return p.change(ctx, "create", user, password, true, func(ctx context.Context, a accountpb.AccountClient) (*accountpb.Verdict, error) {
		return a.Register(ctx, &accountpb.Credentials{Account: p.jid(user), Password: password})
	})
}

// SetPassword implements auth.Provider.
func (p *provider) SetPassword(ctx context.Context, user, password string) error {
	return p.change(ctx, "set the password of", user, password, false, func(ctx context.Context, a accountpb.AccountClient) (*accountpb.Verdict, error) {
		return a.SetPassword(ctx, &accountpb.Credentials{Account: p.jid(user), Password: password})
	})
}

// Delete implements auth.Provider.
func (p *provider) Delete(ctx context.Context, user string) error {
	return p.change(ctx, "remove", user, "-", false, func(ctx context.Context, a accountpb.AccountClient) (*accountpb.Verdict, error) {
		return a.Remove(ctx, &accountpb.Credentials{Account: p.jid(user)})
	})
}

// change has the program change an account. Of a refusal the program does not
// say why; it is asked whether the account is there, which may explain it.
func (p *provider) change(ctx context.Context, what, user, password string, fresh bool, call question) error {
	if _, err := auth.PrepPassword(password); err != nil {
		return err
	}
	yes, err := p.ask(ctx, call)
	p.known.forget(user) // also after an error, which leaves open what has happened
	if err != nil || yes {
		return err
	}
	found, err := p.look(ctx, user)
	switch {
	case err == nil && found && fresh:
		return fmt.Errorf("%s %s: %w", what, user, auth.ErrExists)
	case err == nil && !found && !fresh:
		return fmt.Errorf("%s %s: %w", what, user, auth.ErrNoAccount)
	}
	return fmt.Errorf("%s %s: the external program refuses: %w", what, user, auth.ErrNotSupported)
}

func (p *provider) jid(user string) *accountpb.User {
	return &accountpb.User{User: user, Host: p.host}
}

// A question asks the service once.
type question func(context.Context, accountpb.AccountClient) (*accountpb.Verdict, error)

// ask puts a question; only a clear answer is one.
func (p *provider) ask(ctx context.Context, call question) (bool, error) {
	defer p.waiting.Add(-1)
	if p.waiting.Add(1) > int64(p.room+p.parallel()) {
		p.failed.Inc()
		return false, errBusy
	}
	ctx, cancel := context.WithTimeout(ctx, 2*p.timeout+slack)
	defer cancel()
	account, err := p.account(ctx)
	if err != nil {
		p.failed.Inc()
		return false, err
	}
	v, err := call(ctx, account)
	if err != nil {
		p.failed.Inc()
		return false, fmt.Errorf("%w: %w", errUnavailable, err)
	}
	switch v.GetAnswer() {
	case accountpb.Answer_YES:
		p.yes.Inc()
		return true, nil
	case accountpb.Answer_NO:
		p.no.Inc()
		return false, nil
	case accountpb.Answer_UNSUPPORTED:
		p.failed.Inc()
		return false, fmt.Errorf("%s: %w", oneLine(v.GetReason()), auth.ErrNotSupported)
	default:
		p.failed.Inc()
		return false, fmt.Errorf("%w: %s", errUnavailable, oneLine(v.GetReason()))
	}
}
