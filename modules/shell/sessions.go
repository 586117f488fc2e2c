// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/session"
	"tercet/core/stream"
)

// attachSessions sets the commands for connected resources.
func (m *shell) attachSessions(s *module.Scope) {
	Command.Set(s, "sessions", Spec{
		Args: "[HOST|JID]", Doc: "List the connected resources, of one host or of one account.", Run: m.sessions,
	})
	Command.Set(s, "kick", Spec{
		Args: "JID", Doc: "End the sessions of an account, or the one of a full JID.", Run: m.kick,
		Flags: []Flag{{"reason", "TEXT", "What the client is told."}},
	})
}

// A sessionRow is a connected resource as the sessions command gives it.
type sessionRow struct {
	JID      string    `json:"jid"`
	Presence string    `json:"presence"` // "unavailable", "online" or what show says
	Priority int       `json:"priority"`
	Address  string    `json:"address,omitempty"` // empty while no stream is attached
	Secured  bool      `json:"secured"`
	Since    time.Time `json:"since"`
}

func describe(s *session.Session) sessionRow {
	row := sessionRow{JID: s.JID.String(), Presence: "unavailable", Since: s.Created}
	if p := s.Presence(); p != nil {
		row.Presence, row.Priority = cmp.Or(p.ChildText("jabber:client", "show"), "online"), s.Priority()
	}
	if st := s.Stream(); st != nil {
		row.Address, row.Secured = st.Remote.String(), st.Secured
	}
	return row
}

// pick are the sessions of a host, an account or a full JID; of all with "".
func (m *shell) pick(arg string) ([]*session.Session, error) {
	if arg == "" {
		var all []*session.Session
		for _, h := range m.env.Router.Hosts() {
			all = slices.AppendSeq(all, h.Sessions.All())
		}
		return all, nil
	}
	j, err := jid.Parse(arg)
	if err != nil {
		return nil, Usagef("%q is no JID: %v", arg, err)
	}
	h := m.env.Router.Host(j.Domain())
	switch {
	case h == nil:
		return nil, m.noHost(j.Domain())
	case j.IsDomain():
		return slices.Collect(h.Sessions.All()), nil
	case j.IsFull():
		if s := h.Sessions.Get(j); s != nil {
			return []*session.Session{s}, nil
		}
		return nil, nil
	}
	return h.Sessions.Resources(j.Local()), nil
}

func (m *shell) sessions(_ context.Context, c *Call) error {
	list, err := m.pick(c.Arg(0))
	if err != nil {
		return err
	}
	all := make([]sessionRow, 0, len(list))
	for _, s := range list {
		all = append(all, describe(s))
	}
	slices.SortFunc(all, func(a, b sessionRow) int { return cmp.Compare(a.JID, b.JID) })
	var rows [][]string
	for _, s := range all {
		secured := "plain"
		if s.Secured {
			secured = "TLS"
		}
		if s.Address == "" {
			s.Address, secured = "(away)", "-" // stream management waits for it
		}
		rows = append(rows, []string{s.JID, s.Presence, strconv.Itoa(s.Priority), s.Address, secured, s.Since.Format(time.DateTime)})
	}
	if len(rows) > 0 {
		c.Table([]string{"JID", "PRESENCE", "PRIORITY", "ADDRESS", "STREAM", "SINCE"}, rows)
	}
	c.Printf("%d connected\n", len(rows))
	return c.Result(all)
}

func (m *shell) kick(ctx context.Context, c *Call) error {
	j, err := jid.Parse(c.Arg(0))
	if err != nil || j.Local() == "" {
		return Usagef("%q is neither an account nor a full JID", c.Arg(0))
	}
	list, err := m.pick(c.Arg(0))
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("%s is not connected", j)
	}
	reason, _ := c.Flag("reason")
	gone := []string{}
	for _, s := range list {
		m.env.Router.Host(j.Domain()).Kick(context.WithoutCancel(ctx), s, stream.Fail(stream.PolicyViolation, reason))
		gone = append(gone, s.JID.String())
		c.Printf("%s is disconnected\n", s.JID)
	}
	return c.Result(gone)
}
