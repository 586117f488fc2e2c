// SPDX-License-Identifier: Apache-2.0

// Package adhoc has clients list and run the commands of the host (XEP-0050,
// version 1.3.0).
package adhoc

import (
	"context"
	"errors"
	"slices"
	"time"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/form"
	"tercet/core/iq"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/modules/disco"
)

// Module is the ad-hoc commands module.
var Module = module.Define("adhoc", module.OnHost, options{SessionTimeout: 10 * time.Minute, MaxSessions: 8}, load).OnComponents()

type options struct {
	SessionTimeout time.Duration `lua:"adhoc_session_timeout" min:"1s" doc:"How long a command waits for its next stage."`
	MaxSessions    int           `lua:"adhoc_max_sessions" min:"1" max:"100" doc:"How many commands an account may have begun at a time; the oldest gives way to a new one."`
}

// Prosody's priority for commands; where nobody else answers, they are unknown.
const (
	prioRun     = 500
	prioUnknown = -1
)

var name = element.Name{Space: NS, Local: "command"}

type adhoc struct {
	options
	scope *module.Scope
	held  *sessions
}

func load(s *module.Scope, o options) error {
	m := &adhoc{o, s, hostSessions.Of(s.Host)}
	disco.Feature.Add(s, NS)
	disco.HostInfoNode.Handle(s, 0, m.info)
	disco.HostItemsNode.Handle(s, 0, m.items)
	iq.HandleAt(s, prioRun, iq.Set, iq.Host, name, m.request)
	iq.HandleAt(s, prioUnknown, iq.Set, iq.Host, name, unknown)
	route.Unbound.Handle(s, 0, func(_ context.Context, ev *route.SessionEvent) ext.Verdict {
		m.held.drop(ev.Session.JID.Bare(), func(c *session) bool { return c.owner == ev.Session.JID })
		return ext.Next
	})
	s.Every(max(o.SessionTimeout/4, time.Second), func(context.Context) { m.held.expire(o.SessionTimeout) })
	return nil
}

// may reports whether somebody may run commands of that permission.
func (m *adhoc) may(who jid.JID, p Permission) bool {
	switch p {
	case Any:
		return true
	case LocalUser:
		return m.local(who)
	case Admin:
		return m.scope.Admins()[who.Bare()]
	case GlobalAdmin:
		for _, v := range m.scope.Env.Config().Global.Options["admins"].List() {
			if j, err := jid.Parse(v.Str()); err == nil && j.Bare() == who.Bare() {
				return true
			}
		}
	}
	return false
}

func (m *adhoc) local(who jid.JID) bool {
	return who.Local() != "" && who.Domain() == m.scope.Host.Name
}

// info tells what a node is (section 2.2).
func (m *adhoc) info(_ context.Context, ev *disco.QueryEvent) ext.Verdict {
	if ev.Node == NS {
		ev.Found = true
		ev.Identities = append(ev.Identities, disco.Identity{Category: "automation", Type: "command-list", Name: "Ad-Hoc Commands"})
		return ext.Next
	}
	c, ok := Commands.Get(ev.Pass, ev.Node)
	if !ok {
		return ext.Next
	}
	if !m.may(ev.From, c.Permission) {
		ev.Err = stanza.Fail(stanza.Forbidden, "This item is not available to you")
		return ext.Stop
	}
	ev.Found = true
	ev.Identities = append(ev.Identities, disco.Identity{Category: "automation", Type: "command-node", Name: c.Name})
	ev.Features = append(ev.Features, NS, form.NS)
	return ext.Next
}

// items lists the commands that the requester may run, in order of their nodes.
func (m *adhoc) items(_ context.Context, ev *disco.QueryEvent) ext.Verdict {
	if ev.Node != NS {
		return ext.Next
	}
	ev.Found = true
	allowed := make(map[Permission]bool)
	for _, p := range [...]Permission{Any, LocalUser, Admin, GlobalAdmin} {
		allowed[p] = m.may(ev.From, p)
	}
	var nodes []string
	for node, c := range Commands.All(ev.Pass) {
		if allowed[c.Permission] {
			nodes = append(nodes, node)
		}
	}
	slices.Sort(nodes)
	for _, node := range nodes {
		c, _ := Commands.Get(ev.Pass, node)
		ev.Items = append(ev.Items, disco.Item{JID: m.scope.Host.Name, Node: node, Name: c.Name})
	}
	return ext.Next
}

// request runs a stage of a command that is known.
func (m *adhoc) request(ctx context.Context, r *iq.Request) ext.Verdict {
	node := r.Payload.Attr("node")
	command, ok := Commands.Get(r.Pass, node)
	if !ok {
		return ext.Next
	}
	if !m.may(r.From, command.Permission) {
		const text = "You don't have permission to execute this command"
		denied := stanza.ErrorReply(r.Stanza, stanza.Fail(stanza.Forbidden, text))
		r.Reply(ctx, denied.With(reply(node, "", Reply{Status: Canceled, Notes: []Note{{Error, text}}})))
		return ext.Stop
	}
	m.run(ctx, r, command, node)
	return ext.Stop
}

// unknown answers for nodes that no module knows.
func unknown(ctx context.Context, r *iq.Request) ext.Verdict {
	if r.Payload.Attr("node") == "" {
		r.Bounce(ctx, stanza.Fail(stanza.BadRequest, "a command has a node"))
	} else {
		r.Bounce(ctx, stanza.Fail(stanza.ItemNotFound, "there is no such command"))
	}
	return ext.Stop
}

// run does one stage and answers it.
func (m *adhoc) run(ctx context.Context, r *iq.Request, command Command, node string) {
	s, err := m.begin(r, node)
	if err != nil {
		r.Answer(ctx, element.Element{}, err)
		return
	}
	action, err := s.accept(r.Payload)
	if err != nil {
		m.goOn(r, s) // nothing has happened
		r.Answer(ctx, element.Element{}, err)
		return
	}
	answer := func(ctx context.Context, r *iq.Request, out Reply, err error) {
		payload, err := m.finish(r, s, out, err)
		r.Answer(ctx, payload, err)
	}
	out, err := command.Run(ctx, &Call{
		Request: r, Node: node, Session: s.id, Stage: s.stage, Action: action, Form: r.Payload.Child(form.NS, "x"), State: s.state,
		finish: func(ctx context.Context, out Reply, err error) { answer(ctx, r.Later(), out, err) },
	})
	if !errors.Is(err, iq.ErrLater) {
		answer(ctx, r, out, err)
	}
}

// finish keeps the session, if it goes on, and makes the answer to a stage.
func (m *adhoc) finish(r *iq.Request, s *session, out Reply, err error) (element.Element, error) {
	if err != nil {
		cause, told := errors.AsType[*stanza.Error](err)
		if !told {
			ext.MeterOf(m.scope).Error()
		} else if cause.App.Is(NS, badPayload) {
			m.goOn(r, s)
		}
		return element.Element{}, err
	}
	if out.Status == "" || out.Status == Executing {
		out.Status = Executing
		if len(out.Actions.Allowed) == 0 {
			out.Actions = Actions{[]Action{Complete}, Complete}
		}
		s.stage++
		s.actions, s.state = out.Actions, out.State
		if !m.goOn(r, s) {
			return element.Element{}, stanza.Fail(stanza.ResourceConstraint, "too many commands wait for their next stage")
		}
	}
	return reply(s.node, s.id, out), nil
}

// begin finds the session of a request, or makes one.
func (m *adhoc) begin(r *iq.Request, node string) (*session, error) {
	id, given := r.Payload.LookupAttr("sessionid")
	if !given {
		return &session{id: m.held.newID(r.From, node), node: node, owner: r.From}, nil
	}
	if s := m.held.take(id, node, r.From, m.SessionTimeout); s != nil {
		return s, nil
	}
	if m.held.gave(id, r.From, node) {
		return nil, failure(sessionExpired, "the command was not continued in time, or is at its end")
	}
	return nil, failure(badSessionID, "this command was never begun")
}

// goOn keeps a session for its next stage, if it has had one.
func (m *adhoc) goOn(r *iq.Request, s *session) bool {
	if s.stage == 0 {
		return true
	}
	return m.held.put(s, limit{m.MaxSessions, m.local(r.From), m.may(r.From, Admin)})
}

// accept reads the action, which must be one that was offered.
func (s *session) accept(command element.Element) (Action, error) {
	action := Action(command.Attr("action"))
	switch action {
	case "":
		return Execute, nil
	case Execute:
		return action, nil
	case Cancel:
		if s.stage > 0 {
			return action, nil
		}
	case Prev, Next, Complete:
		if s.stage > 0 && slices.Contains(s.actions.Allowed, action) {
			return action, nil
		}
	default:
		return "", failure(malformedAction, "there is no such action")
	}
	return "", failure(badAction, "this action is not possible at this stage")
}

// reply is the element that answers a stage.
func reply(node, session string, r Reply) element.Element {
	b := element.New(NS, "command").Attr("node", node)
	if session != "" {
		b.Attr("sessionid", session)
	}
	b.Attr("status", string(r.Status))
	if r.Status == Executing {
		b.Open(NS, "actions")
		if r.Actions.Default != "" {
			b.Attr("execute", string(r.Actions.Default))
		}
		for _, a := range r.Actions.Allowed {
			if a == Prev || a == Next || a == Complete {
				b.Open(NS, string(a)).Close()
			}
		}
		b.Close()
	}
	for _, p := range r.Payload {
		b.Child(p)
	}
	for _, n := range r.Notes {
		b.Open(NS, "note").Attr("type", string(n.Kind)).Text(n.Text).Close()
	}
	return b.Element()
}
