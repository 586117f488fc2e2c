// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"tercet/core/auth"
	"tercet/core/ext"
	"tercet/core/guest"
	"tercet/core/module"
	"tercet/core/route"
)

// questions are what the provider of a guest is asked, by what about.
var questions = ext.NewChain[string, question]("auth/")

var (
	_ = guest.Expose(auth.Accounts, provided, "The guest knows the accounts of the host: its config word is auth_NAME, and the host has authentication = \"NAME\". "+
		"Who adds it handles auth/check and auth/exists, and may handle auth/create, auth/set-password and auth/delete.")
	_ = guest.Expose(questions, asked, "What a host asks the guest that knows its accounts: auth/check (is the password the user's?), auth/exists, "+
		"auth/create, auth/set-password and auth/delete. A guest sets ok, replaces the event and stops; one that fails has the client told to try later. "+
		"Priority 0 is for who answers: one module only.")
)

var errUnanswered = errors.New("no guest has answered")

// A question is about an account.
type question struct {
	user, password string
	answered, ok   bool
}

// answer is what crosses.
type answer struct {
	User     string `json:"user"`
	Password string `json:"password"`
	OK       bool   `json:"ok"`
}

func asked(c ext.Chain[string, question]) guest.Door {
	return guest.Door{Kind: "chain", Payload: "{user string, password string, ok bool}, may be changed", Hook: func(o ext.Owner, what string, prio float64, _ guest.Filter, fn guest.Handler) error {
		switch what {
		case "check", "exists", "create", "set-password", "delete":
		default:
			return fmt.Errorf("%w: auth/%s", guest.ErrUnknown, what)
		}
		c.Handle(o, what, prio, func(ctx context.Context, q *question) ext.Verdict {
			return fn(ctx, &guest.Event{Value: answer{q.user, q.password, q.ok}, Change: q.change})
		})
		return nil
	}}
}

func (q *question) change(b json.RawMessage) error {
	var a struct {
		OK *bool `json:"ok"`
	}
	if err := json.Unmarshal(b, &a); err != nil {
		return fmt.Errorf("read what the guest returned: %w", err)
	}
	if a.OK == nil {
		return errUnanswered
	}
	q.answered, q.ok = true, *a.OK
	return nil
}

func provided(s ext.Service[auth.Provider]) guest.Door {
	return guest.Door{Kind: "service", Payload: "true", Add: func(o ext.Owner, v json.RawMessage) error {
		if string(v) != "true" {
			return errors.New("want true")
		}
		at, ok := o.(*module.Scope)
		if !ok || at.Host == nil {
			return errors.New("only a module of a host has its accounts")
		}
		s.Offer(o, &provider{at.Host})
		return nil
	}}
}

// A provider has the accounts that a guest knows.
type provider struct{ host *route.Host }

// ask asks the guest; without an answer the error is otherwise.
func (p *provider) ask(ctx context.Context, what, user, password string, otherwise error) (bool, error) {
	pass := p.host.Table.Enter()
	defer pass.Leave()
	q := question{user: user, password: password}
	questions.Fire(ctx, pass, what, &q)
	if !q.answered {
		return false, fmt.Errorf("auth/%s of a guest: %w", what, otherwise)
	}
	return q.ok, nil
}

// change is ask for what may be refused.
func (p *provider) change(ctx context.Context, what, user, password string, refused error) error {
	ok, err := p.ask(ctx, what, user, password, auth.ErrNotSupported)
	if err == nil && !ok {
		err = refused
	}
	return err
}

// Exists asks whether there is an account.
func (p *provider) Exists(ctx context.Context, user string) (bool, error) {
	return p.ask(ctx, "exists", user, "", errUnanswered)
}

// Check asks whether a password is right.
func (p *provider) Check(ctx context.Context, user, password string) (bool, error) {
	return p.ask(ctx, "check", user, password, errUnanswered)
}

// Hashes are none: a guest sees passwords.
func (p *provider) Hashes() []string { return nil }

// Keys are not to be had of a guest.
func (p *provider) Keys(context.Context, string, string) (k auth.ScramKeys, ok bool, err error) {
	return k, false, fmt.Errorf("keys of a guest: %w", auth.ErrNotSupported)
}

// Create asks for an account.
func (p *provider) Create(ctx context.Context, user, password string) error {
	return p.change(ctx, "create", user, password, auth.ErrExists)
}

// SetPassword asks for another password.
func (p *provider) SetPassword(ctx context.Context, user, password string) error {
	return p.change(ctx, "set-password", user, password, auth.ErrNoAccount)
}

// Delete asks for the end of an account.
func (p *provider) Delete(ctx context.Context, user string) error {
	return p.change(ctx, "delete", user, "", auth.ErrNoAccount)
}

// Users are not known.
func (p *provider) Users(context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		yield("", fmt.Errorf("list the accounts of a guest: %w", auth.ErrNotSupported))
	}
}
