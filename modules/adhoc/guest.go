// SPDX-License-Identifier: Apache-2.0

package adhoc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/form"
	"tercet/core/guest"
)

// stages is fired for each stage of a guest's command, by its node.
var stages = ext.NewChain[string, asked]("adhoc/")

var (
	_ = guest.Expose(Commands, declaredBy, "A command of the host (XEP-0050). Who adds it handles its stages at adhoc/NODE; permission is any, local_user, admin or global_admin.")
	_ = guest.Expose(stages, answeredBy, "A stage of a guest's command, by its node (adhoc/NODE). A guest fills in status and what follows it, replaces the event and stops; "+
		"fields are {name, kind, label, desc, required, values, options: list of {label, value}, open, datatype, min, max}, notes {kind, text}; "+
		"with refuse, a text, the form is told to be a bad one. Priority 0 is for who answers: one module only.")
)

// maxState is how many bytes a guest may have kept for the next stage.
const maxState = 16 << 10

// declared is a command as guests give it.
type declared struct {
	Node       string `json:"node"`
	Name       string `json:"name"`
	Permission string `json:"permission"`
}

func declaredBy(commands ext.Map[string, Command]) guest.Door {
	return guest.Door{Kind: "list", Payload: "{node string, name string, permission string}", Add: func(o ext.Owner, b json.RawMessage) error {
		var v declared
		if err := json.Unmarshal(b, &v); err != nil {
			return err
		}
		permission, err := ParsePermission(v.Permission)
		if err != nil {
			return err
		}
		if v.Node == "" {
			return errors.New("a command needs a node")
		}
		commands.Set(o, v.Node, Command{Name: v.Name, Permission: permission, Run: runGuest})
		return nil
	}}
}

// An asked stage is one that a guest is to answer.
type asked struct {
	call     *Call
	reply    Reply
	err      error
	answered bool
}

func runGuest(ctx context.Context, c *Call) (Reply, error) {
	a := asked{call: c}
	stages.Fire(ctx, c.Pass, c.Node, &a)
	if !a.answered {
		return Reply{}, fmt.Errorf("no guest has answered for the command %s", c.Node)
	}
	return a.reply, a.err
}

// stage is what crosses.
type stage struct {
	Node    string      `json:"node"`
	From    string      `json:"from"`
	Session string      `json:"session"`
	Stage   int         `json:"stage"`
	Action  Action      `json:"action"`
	Form    form.Values `json:"form"` // null: none was submitted
	State   string      `json:"state"`

	Status       Status       `json:"status"`
	FormType     string       `json:"form_type"`
	Title        string       `json:"title"`
	Instructions string       `json:"instructions"`
	Fields       []form.Field `json:"fields"`
	Notes        []Note       `json:"notes"`
	Allowed      []Action     `json:"allowed"`
	Default      Action       `json:"default"`
	Refuse       string       `json:"refuse"`
}

const stageShape = "{node string, from string, session string, stage int, action string, form map of list of string, state string, " +
	"status string, form_type string, title string, instructions string, fields list, notes list, allowed list of string, default string, " +
	"refuse string}, may be changed"

func answeredBy(chain ext.Chain[string, asked]) guest.Door {
	return guest.Door{Kind: "chain", Payload: stageShape, Hook: func(o ext.Owner, node string, prio float64, _ guest.Filter, fn guest.Handler) error {
		if node == "" {
			return fmt.Errorf("%w: want adhoc/NODE", guest.ErrUnknown)
		}
		chain.Handle(o, node, prio, func(ctx context.Context, a *asked) ext.Verdict {
			return fn(ctx, &guest.Event{Value: a.view(), Change: a.change})
		})
		return nil
	}}
}

func (a *asked) view() stage {
	c := a.call
	v := stage{Node: c.Node, From: c.From.String(), Session: c.Session, Stage: c.Stage, Action: c.Action}
	if !c.Form.IsZero() {
		v.Form = form.Submitted(c.Form)
	}
	v.State, _ = c.State.(string)
	return v
}

// change takes over what a guest answers, or refuses it.
func (a *asked) change(b json.RawMessage) error {
	var v stage
	if err := json.Unmarshal(b, &v); err != nil {
		return fmt.Errorf("read what the guest returned: %w", err)
	}
	switch v.Status {
	case "", Executing, Completed, Canceled:
	default:
		return fmt.Errorf("there is no status %q: it is executing, completed or canceled", v.Status)
	}
	if len(v.State) > maxState {
		return fmt.Errorf("the state has %d bytes, more than %d", len(v.State), maxState)
	}
	for _, n := range v.Notes {
		if n.Kind != Info && n.Kind != Warn && n.Kind != Error {
			return fmt.Errorf("there is no kind of note %q: it is info, warn or error", n.Kind)
		}
	}
	a.answered = true
	if v.Refuse != "" {
		a.err = BadPayload(v.Refuse)
		return nil
	}
	a.err = nil
	a.reply = Reply{Status: v.Status, Notes: v.Notes, State: v.State, Actions: Actions{v.Allowed, v.Default}}
	if f := (form.Form{Type: v.FormType, Title: v.Title, Instructions: v.Instructions, Fields: v.Fields}); f.Title != "" || f.Fields != nil {
		x := f.Blank(nil)
		if v.Status == Completed {
			x = f.Result(nil)
		}
		a.reply.Payload = []element.Element{x}
	}
	return nil
}
