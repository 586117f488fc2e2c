// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tercet/config"
	"tercet/core/auth"
	"tercet/core/jid"
	"tercet/core/module"
)

// attachAccounts sets the commands that change accounts.
func (m *shell) attachAccounts(s *module.Scope) {
	Command.Set(s, "adduser", Spec{
		Args: "JID", Doc: "Make an account; its password is asked for, or read with --password-stdin.", Run: m.addUser,
	})
	Command.Set(s, "passwd", Spec{
		Args: "JID", Doc: "Change an account's password and end its sessions.", Run: m.changePassword,
	})
	Command.Set(s, "deluser", Spec{
		Args: "JID", Doc: "Remove an account with all that it has stored.", Run: m.deleteUser,
	})
	Command.Set(s, "users", Spec{Args: "[HOST]", Doc: "List the accounts.", Run: m.users})
}

// actor is who changes accounts, for the modules that are told.
var actor = module.Actor{Source: "control"}

func (m *shell) noHost(name string) error {
	hosts := slices.Sorted(maps.Keys(m.env.Router.Hosts()))
	text := fmt.Sprintf("there is no host %q; there are: %s", name, strings.Join(hosts, ", "))
	if near := config.Suggest(name, hosts); near != "" {
		text = fmt.Sprintf("there is no host %q; did you mean %s?", name, near)
	}
	return errors.New(text)
}

// account reads the JID of an account of ours.
func (m *shell) account(arg string) (jid.JID, *module.Accounts, error) {
	j, err := jid.Parse(arg)
	switch {
	case err != nil:
		return j, nil, Usagef("%q is no JID: %v", arg, err)
	case j.Local() == "" || !j.IsBare():
		return j, nil, Usagef("%q is no account: write it as romeo@example.org", arg)
	}
	h := m.env.Router.Host(j.Domain())
	if h == nil {
		return j, nil, m.noHost(j.Domain())
	}
	a, err := m.env.Accounts(h)
	return j, a, explain(j, err)
}

// explain says what an error of the credential provider means.
func explain(j jid.JID, err error) error {
	switch {
	case errors.Is(err, auth.ErrExists):
		return fmt.Errorf("there is an account %s already", j)
	case errors.Is(err, auth.ErrNoAccount):
		return fmt.Errorf("there is no account %s", j)
	case errors.Is(err, auth.ErrNotSupported):
		return fmt.Errorf("the accounts of %s cannot be changed here: they are kept elsewhere", j.Domain())
	}
	if errors.Is(err, auth.ErrPassword) {
		return errors.New("this password cannot be used: it is empty, longer than 1024 bytes or has characters that SASLprep (RFC 4013) forbids")
	}
	return err
}

// exists fails unless the account is there, or is not there, as wanted.
func exists(ctx context.Context, j jid.JID, a *module.Accounts, want bool) error {
	found, err := a.Exists(ctx, j.Local())
	switch {
	case err != nil:
		return explain(j, err)
	case found && !want:
		return explain(j, auth.ErrExists)
	case !found && want:
		return explain(j, auth.ErrNoAccount)
	}
	return nil
}

// whose is the result of a command on an account.
type whose struct {
	JID string `json:"jid"`
}

func (m *shell) addUser(ctx context.Context, c *Call) error {
	j, a, err := m.account(c.Arg(0))
	if err != nil {
		return err
	}
	if err := exists(ctx, j, a, false); err != nil {
		return err
	}
	password, err := c.Password("Password for " + j.String())
	if err != nil {
		return err
	}
	if err := a.Register(ctx, j.Local(), password, actor); err != nil {
		return explain(j, err)
	}
	c.Printf("account %s is made\n", j)
	return c.Result(whose{j.String()})
}

func (m *shell) changePassword(ctx context.Context, c *Call) error {
	j, a, err := m.account(c.Arg(0))
	if err != nil {
		return err
	}
	if err := exists(ctx, j, a, true); err != nil {
		return err
	}
	password, err := c.Password("New password for " + j.String())
	if err != nil {
		return err
	}
	if err := a.ChangePassword(ctx, j.Local(), password, actor, nil); err != nil {
		return explain(j, err)
	}
	c.Printf("password of %s is changed\n", j)
	return c.Result(whose{j.String()})
}

func (m *shell) deleteUser(ctx context.Context, c *Call) error {
	j, a, err := m.account(c.Arg(0))
	if err != nil {
		return err
	}
	if err := exists(ctx, j, a, true); err != nil {
		return err
	}
	if err := a.Remove(context.WithoutCancel(ctx), j.Local(), actor, nil); err != nil { // not half of it
		return explain(j, err)
	}
	c.Printf("account %s is removed\n", j)
	return c.Result(whose{j.String()})
}

// progressEvery is after how many items of long work the client hears of it.
const progressEvery = 1000

func (m *shell) users(ctx context.Context, c *Call) error {
	hosts := slices.Sorted(maps.Keys(m.env.Router.Hosts()))
	if name := c.Arg(0); name != "" {
		if m.env.Router.Host(name) == nil {
			return m.noHost(name)
		}
		hosts = []string{name}
	}
	all := []string{}
	for _, name := range hosts {
		h := m.env.Router.Host(name)
		if h == nil {
			continue // gone meanwhile
		}
		a, err := m.env.Accounts(h)
		if errors.Is(err, auth.ErrNotSupported) && c.Arg(0) == "" {
			continue // a component, say
		} else if err != nil {
			return fmt.Errorf("%s has no accounts of its own", name)
		}
		for user, err := range a.Users(ctx) {
			if errors.Is(err, auth.ErrNotSupported) && c.Arg(0) == "" {
				break // they are kept where nobody can list them
			}
			if err != nil {
				return fmt.Errorf("list the accounts of %s: %w", name, err)
			}
			if all = append(all, user+"@"+name); len(all)%progressEvery == 0 {
				c.Progress("accounts", len(all), 0)
			}
		}
	}
	for _, j := range all {
		c.Printf("%s\n", j)
	}
	return c.Result(all)
}
