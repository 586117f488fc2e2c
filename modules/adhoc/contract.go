// SPDX-License-Identifier: Apache-2.0

package adhoc

import (
	"context"
	"errors"
	"fmt"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/form"
	"tercet/core/iq"
	"tercet/core/stanza"
)

// NS is the namespace of commands, and the node under which they are listed.
const NS = "http://jabber.org/protocol/commands"

// Commands holds the host's commands by their nodes. To set one is right even
// where adhoc is not loaded.
var Commands = ext.NewMap[string, Command]("adhoc-command")

// A Command is something that users of clients may have the host do.
type Command struct {
	Name       string // what people see
	Permission Permission
	Run        Run
}

// A Run does one stage of a command. It does not wait for the network, but may
// return iq.ErrLater and have Finish called once, later. Another error is told
// to the requester (a *stanza.Error as it is, others are logged and told as
// internal-server-error) and ends the command session, but for a BadPayload:
// then the stage may be tried again.
type Run func(context.Context, *Call) (Reply, error)

// A Permission says who may run a command.
type Permission string

// The permissions, in Prosody's words.
const (
	Any         Permission = "any"          // everybody, on other servers, too
	LocalUser   Permission = "local_user"   // the accounts of the host
	Admin       Permission = "admin"        // the admins of the host, and those of the server
	GlobalAdmin Permission = "global_admin" // the admins of the server: the global option admins
)

// ParsePermission reads one of the words.
func ParsePermission(word string) (Permission, error) {
	switch p := Permission(word); p {
	case Any, LocalUser, Admin, GlobalAdmin:
		return p, nil
	case "":
		return "", errors.New("a command needs a permission: any, local_user, admin or global_admin")
	case "user":
		return "", errors.New(`the permission "user" has been renamed "any"`)
	}
	return "", fmt.Errorf("there is no permission %q: it is any, local_user, admin or global_admin", word)
}

// An Action is what the requester wants.
type Action string

// The actions (XEP-0050 section 4.1). Execute is what the last Reply has named
// as its default.
const (
	Execute  Action = "execute"
	Cancel   Action = "cancel"
	Prev     Action = "prev"
	Next     Action = "next"
	Complete Action = "complete"
)

// A Call is one stage of a command. The Request has who asks, the host and the
// pass.
type Call struct {
	*iq.Request
	Node    string
	Session string          // the command session
	Stage   int             // how many replies the session has had; 0: it begins
	Action  Action          // as sent; in a session one that was offered, or Execute, or Cancel
	Form    element.Element // the data form that was submitted, or zero
	State   any             // what the last Reply of the session has left here

	finish func(context.Context, Reply, error)
}

// Finish answers a stage whose Run has returned iq.ErrLater. What the Request
// has of the pass is over by then.
func (c *Call) Finish(ctx context.Context, r Reply, err error) { c.finish(ctx, r, err) }

// A Status is how far a command is.
type Status string

// The statuses (XEP-0050 section 4.1).
const (
	Executing Status = "executing"
	Completed Status = "completed"
	Canceled  Status = "canceled"
)

// A Reply is what a stage leads to. The session goes on if the status is
// Executing, which is also what an empty one means.
type Reply struct {
	Status  Status
	Actions Actions           // what may come next, if it goes on
	Payload []element.Element // a data form, mostly
	Notes   []Note
	State   any // for the next stage; it should be small
}

// Actions are what a requester may do next, beside to cancel. Without any,
// Complete is offered, and the default.
type Actions struct {
	Allowed []Action // of Prev, Next and Complete
	Default Action   // what Execute means; empty: it is not told
}

// A Note is a text for the requester.
type Note struct {
	Kind NoteKind
	Text string
}

// A NoteKind is how serious a note is.
type NoteKind string

// The kinds of notes (XEP-0050 section 4.3).
const (
	Info  NoteKind = "info"
	Warn  NoteKind = "warn"
	Error NoteKind = "error"
)

// Done completes a command with a note.
func Done(text string) Reply { return Reply{Status: Completed, Notes: []Note{{Info, text}}} }

// Failed completes a command that was understood and did not succeed.
func Failed(text string) Reply { return Reply{Status: Completed, Notes: []Note{{Error, text}}} }

// Show completes a command with a payload, such as a form's Result.
func Show(payload element.Element) Reply {
	return Reply{Status: Completed, Payload: []element.Element{payload}}
}

// BadPayload is the error for a form that cannot be accepted.
func BadPayload(text string) error { return failure(badPayload, text) }

// One is the Run of a command without any stages.
func One(run Run) Run {
	return func(ctx context.Context, c *Call) (Reply, error) {
		if c.Action == Cancel {
			return Reply{Status: Canceled}, nil
		}
		return run(ctx, c)
	}
}

// Asking is the Run of a command that has one form filled in, and submit do
// its work. Who knows the form may submit it at once.
func Asking(ask func(context.Context, *Call) (form.Form, error), submit func(context.Context, *Call, form.Values) (Reply, error)) Run {
	return One(func(ctx context.Context, c *Call) (Reply, error) {
		f, err := ask(ctx, c)
		if err != nil {
			return Reply{}, err
		}
		if c.Stage == 0 && c.Form.IsZero() {
			return Reply{
				Payload: []element.Element{f.Blank(nil)},
				Actions: Actions{Allowed: []Action{Next, Complete}, Default: Complete},
			}, nil
		}
		values, err := f.Read(c.Form)
		if bad, ok := errors.AsType[*form.Error](err); ok {
			return Reply{}, BadPayload(bad.Error())
		} else if err != nil {
			return Reply{}, err
		}
		return submit(ctx, c, values)
	})
}

// Fixed is an ask for Asking whose form is always the same.
func Fixed(f form.Form) func(context.Context, *Call) (form.Form, error) {
	return func(context.Context, *Call) (form.Form, error) { return f, nil }
}

// Later is a run that may wait: it has a goroutine of the scope, outside of the
// pass.
func Later(s *ext.Scope, run Run) Run {
	return func(_ context.Context, c *Call) (Reply, error) {
		late := *c
		late.Request = c.Later()
		s.Go(func(ctx context.Context) {
			r, err := Reply{}, errPanic
			defer func() { c.Finish(context.WithoutCancel(ctx), r, err) }()
			r, err = run(ctx, &late)
		})
		return Reply{}, iq.ErrLater
	}
}

var errPanic = errors.New("the command has panicked")

// The application's conditions of XEP-0050 section 4.4.
const (
	malformedAction = "malformed-action"
	badAction       = "bad-action"
	badPayload      = "bad-payload"
	badSessionID    = "bad-sessionid"
	sessionExpired  = "session-expired"
)

func failure(condition, text string) *stanza.Error {
	general := stanza.BadRequest
	if condition == sessionExpired {
		general = stanza.NotAllowed
	}
	e := stanza.Fail(general, text)
	e.App = element.New(NS, condition).Element()
	return e
}
