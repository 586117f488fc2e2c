// SPDX-License-Identifier: Apache-2.0

package admin_adhoc

import (
	"context"
	"errors"
	"strings"

	"tercet/core/auth"
	"tercet/core/form"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/modules/adhoc"
)

// setAccounts sets the commands that change accounts.
func (m *admin) setAccounts() {
	m.setForm(nsAdmin+"#add-user", "Add User", adhoc.Admin, form.Form{
		Title: "Adding a User", Instructions: "Fill out this form to add a user.",
		Fields: []form.Field{
			{Name: "accountjid", Kind: form.JIDSingle, Required: true, Label: "The Jabber ID for the account to be added"},
			{Name: "password", Kind: form.TextPrivate, Required: true, Label: "The password for this account"},
			{Name: "password-verify", Kind: form.TextPrivate, Required: true, Label: "Retype password"},
		},
	}, m.addUser)
	m.setForm(nsAdmin+"#change-user-password", "Change User Password", adhoc.Admin, form.Form{
		Title: "Changing a User Password", Instructions: "Fill out this form to change a user's password.",
		Fields: []form.Field{
			{Name: "accountjid", Kind: form.JIDSingle, Required: true, Label: "The Jabber ID for this account"},
			{Name: "password", Kind: form.TextPrivate, Required: true, Label: "The password for this account"},
		},
	}, m.changePassword)
	m.setForm(nsAdmin+"#delete-user", "Delete User", adhoc.Admin, form.Form{
		Title: "Deleting a User", Instructions: "Fill out this form to delete a user.",
		Fields: []form.Field{{Name: "accountjids", Kind: form.JIDMulti, Required: true, Label: "The Jabber ID(s) to delete"}},
	}, m.deleteUsers)
}

// account returns the localpart of an account of this host, or why it is none.
func (m *admin) account(j jid.JID) (user, fault string) {
	switch {
	case j.Local() == "" || !j.IsBare():
		return "", j.String() + " is no account"
	case j.Domain() != m.Host.Name:
		return "", j.String() + " is not an account of " + m.Host.Name + ", to which the command was sent"
	}
	return j.Local(), ""
}

// one is the account in the field accountjid.
func (m *admin) one(given form.Values) (user, fault string) {
	list := given.JIDs("accountjid")
	if len(list) == 0 {
		return "", "no account"
	}
	return m.account(list[0])
}

// explain tells what an error of the credential provider means. Other errors
// are the server's own.
func explain(err error) (adhoc.Reply, error) {
	switch {
	case errors.Is(err, auth.ErrExists):
		return adhoc.Failed("Account already exists"), nil
	case errors.Is(err, auth.ErrNoAccount):
		return adhoc.Failed("User does not exist"), nil
	case errors.Is(err, auth.ErrNotSupported):
		return adhoc.Failed("The accounts of this host are kept elsewhere"), nil
	case errors.Is(err, auth.ErrPassword):
		return adhoc.Failed("This password cannot be used"), nil
	}
	return adhoc.Reply{}, err
}

// accounts are those of the host; it fails unless this one is among them.
func (m *admin) accounts(ctx context.Context, user string) (*module.Accounts, error) {
	a, err := m.Env.Accounts(m.Host)
	if err != nil {
		return nil, err
	}
	found, err := a.Exists(ctx, user)
	if err == nil && !found {
		err = auth.ErrNoAccount
	}
	return a, err
}

func (m *admin) addUser(ctx context.Context, c *adhoc.Call, given form.Values) (adhoc.Reply, error) {
	user, fault := m.one(given)
	if fault != "" {
		return adhoc.Failed(fault), nil
	}
	if given.Get("password") != given.Get("password-verify") {
		return adhoc.Failed("The passwords differ"), nil
	}
	a, err := m.accounts(ctx, user)
	switch {
	case err == nil:
		return explain(auth.ErrExists)
	case !errors.Is(err, auth.ErrNoAccount):
		return explain(err)
	}
	if err := a.Register(ctx, user, given.Get("password"), actor(c)); err != nil {
		return explain(err)
	}
	return adhoc.Done("Account successfully created"), nil
}

func (m *admin) changePassword(ctx context.Context, c *adhoc.Call, given form.Values) (adhoc.Reply, error) {
	user, fault := m.one(given)
	if fault != "" {
		return adhoc.Failed(fault), nil
	}
	a, err := m.accounts(ctx, user)
	if err == nil {
		err = a.ChangePassword(ctx, user, given.Get("password"), actor(c), asking(c))
	}
	if err != nil {
		return explain(err)
	}
	return adhoc.Done("Password successfully changed"), nil
}

func (m *admin) deleteUsers(ctx context.Context, c *adhoc.Call, given form.Values) (adhoc.Reply, error) {
	var o outcome
	for _, j := range given.JIDs("accountjids") {
		user, fault := m.account(j)
		if fault != "" {
			o.failed(j.String(), errors.New("no account of this host"))
			continue
		}
		a, err := m.accounts(ctx, user)
		if err == nil {
			err = a.Remove(ctx, user, actor(c), nil)
		}
		if _, other := explain(err); other != nil {
			m.Log.ErrorContext(ctx, "account not removed", "jid", j.String(), "err", err)
			err = errInternal
		}
		o.add(j.String(), err)
	}
	return o.reply("The following accounts were successfully deleted:", "The following accounts could not be deleted:"), nil
}

var errInternal = errors.New("an error of the server; its log says more")

// An outcome is what became of a list of things.
type outcome struct{ done, not []string }

func (o *outcome) add(what string, err error) {
	if err != nil {
		o.failed(what, err)
		return
	}
	o.done = append(o.done, what)
}

func (o *outcome) failed(what string, err error) { o.not = append(o.not, what+" ("+reason(err)+")") }

// reason is an error as admins are told it.
func reason(err error) string {
	if r, other := explain(err); other == nil {
		return r.Notes[0].Text
	}
	return err.Error()
}

func (o *outcome) reply(done, not string) adhoc.Reply {
	r := adhoc.Reply{Status: adhoc.Completed}
	for _, part := range [...]struct {
		kind adhoc.NoteKind
		head string
		list []string
	}{{adhoc.Info, done, o.done}, {adhoc.Error, not, o.not}} {
		if len(part.list) > 0 {
			r.Notes = append(r.Notes, adhoc.Note{Kind: part.kind, Text: part.head + "\n" + strings.Join(part.list, "\n")})
		}
	}
	return r
}
