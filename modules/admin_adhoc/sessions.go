// SPDX-License-Identifier: Apache-2.0

package admin_adhoc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"tercet/core/element"
	"tercet/core/form"
	"tercet/core/session"
	"tercet/core/stream"
	"tercet/modules/adhoc"
	"tercet/modules/roster"
)

// maxList is how many accounts are told at most, whatever is asked for: the
// answer is one stanza.
const maxList = 10_000

const nsRoster = "jabber:iq:roster"

// setSessions sets the commands for connected resources, and those that tell
// of accounts.
func (m *admin) setSessions() {
	m.setForm(nsAdmin+"#end-user-session", "End User Session", adhoc.Admin, form.Form{
		Title: "Ending a User Session", Instructions: "Fill out this form to end a user's session.",
		Fields: []form.Field{{Name: "accountjids", Kind: form.JIDMulti, Required: true, Label: "The Jabber ID(s) for which to end sessions"}},
	}, m.endSessions)
	m.setForm(nsAdmin+"#get-user-roster", "Get User Roster", adhoc.Admin, form.Form{
		Title: "Getting a User's Roster", Instructions: "Fill out this form to get a user's roster.",
		Fields: []form.Field{{Name: "accountjid", Kind: form.JIDSingle, Required: true, Label: "The Jabber ID for which to retrieve the roster"}},
	}, m.roster)
	m.setForm(nsAdmin+"#user-stats", "Get User Statistics", adhoc.Admin, form.Form{
		Title: "Get User Statistics", Instructions: "Fill out this form to gather user statistics.",
		Fields: []form.Field{{Name: "accountjid", Kind: form.JIDSingle, Required: true, Label: "The Jabber ID for statistics"}},
	}, m.stats)
	most := form.Field{
		Name: "max_items", Kind: form.ListSingle, Label: "Maximum number of users", Values: []string{"25"},
		Options: form.Options("25", "50", "75", "100", "150", "200", "all"),
	}
	m.setForm(nsAdmin+"#get-online-users-list", "Get List of Online Users", adhoc.Admin, form.Form{
		Title: "Getting List of Online Users", Instructions: "How many users should be returned at most?",
		Fields: []form.Field{most, {Name: "details", Kind: form.Boolean, Label: "Show details"}},
	}, m.online)
	m.setForm(nsAdmin+"#get-registered-users-list", "Get List of Registered Users", adhoc.Admin, form.Form{
		Title: "Getting List of Registered Users", Instructions: "How many users should be returned at most?",
		Fields: []form.Field{most},
	}, m.registered)
	m.set(nsAdmin+"#get-online-users-num", "Get Number of Online Users", adhoc.Admin, m.onlineNumber)
	m.set(nsAdmin+"#get-registered-users-num", "Get Number of Registered Users", adhoc.Admin, m.registeredNumber)
}

func (m *admin) endSessions(ctx context.Context, _ *adhoc.Call, given form.Values) (adhoc.Reply, error) {
	var o outcome
	for _, j := range given.JIDs("accountjids") {
		var list []*session.Session
		if j.Domain() == m.Host.Name && j.Local() != "" {
			list = slices.DeleteFunc(slices.Clone(m.Host.Sessions.Resources(j.Local())), func(s *session.Session) bool {
				return j.IsFull() && s.JID != j
			})
		}
		for _, s := range list {
			m.Host.Kick(ctx, s, stream.Fail(stream.PolicyViolation, "the session was ended by an administrator"))
		}
		if len(list) == 0 {
			o.failed(j.String(), errors.New("not connected"))
		} else {
			o.add(j.String(), nil)
		}
	}
	return o.reply("The following accounts were successfully disconnected:", "The following accounts could not be disconnected:"), nil
}

// contacts are the roster of the account that was asked for.
func (m *admin) contacts(ctx context.Context, given form.Values) (user string, list []roster.Item, fault string, err error) {
	if user, fault = m.one(given); fault != "" {
		return "", nil, fault, nil
	}
	if _, err := m.accounts(ctx, user); err != nil {
		r, err := explain(err)
		if err == nil {
			fault = r.Notes[0].Text
		}
		return "", nil, fault, err
	}
	p := m.Host.Table.Enter()
	defer p.Leave()
	rosters, ok := roster.Service.In(p)
	if !ok {
		return user, nil, "", nil
	}
	all, err := rosters.Roster(ctx, user)
	if err != nil {
		return "", nil, "", fmt.Errorf("read the roster of %s: %w", user, err)
	}
	for _, i := range all.Items {
		if !i.Hidden {
			list = append(list, i)
		}
	}
	slices.SortFunc(list, func(a, b roster.Item) int { return cmp.Compare(a.JID.String(), b.JID.String()) })
	return user, list, "", nil
}

// roster tells the items within the form, which is where XEP-0133 section 4.8
// has them.
func (m *admin) roster(ctx context.Context, _ *adhoc.Call, given form.Values) (adhoc.Reply, error) {
	user, list, fault, err := m.contacts(ctx, given)
	if err != nil || fault != "" {
		return adhoc.Failed(fault), err
	}
	b := element.New(nsRoster, "query")
	for _, i := range list {
		b.Open(nsRoster, "item").Attr("jid", i.JID.String()).Attr("subscription", i.Subscription())
		if i.Ask {
			b.Attr("ask", "subscribe")
		}
		if i.Name != "" {
			b.Attr("name", i.Name)
		}
		for _, g := range i.Groups {
			b.TextChild(nsRoster, "group", g)
		}
		b.Close()
	}
	f := form.Form{Type: nsAdmin, Fields: []form.Field{{Name: "accountjid", Kind: form.JIDSingle, Label: "This is the roster for"}}}
	x := f.Result(form.Values{"accountjid": {user + "@" + m.Host.Name}})
	return adhoc.Show(appended(x, b.Element())), nil
}

// appended is a form with something behind its fields.
func appended(x, more element.Element) element.Element {
	b := element.New(form.NS, "x").Attr("type", x.Attr("type"))
	for e := range x.Children() {
		b.Child(e)
	}
	return b.Child(more).Element()
}

func (m *admin) stats(ctx context.Context, _ *adhoc.Call, given form.Values) (adhoc.Reply, error) {
	user, list, fault, err := m.contacts(ctx, given)
	if err != nil || fault != "" {
		return adhoc.Failed(fault), err
	}
	var resources, addresses []string
	for _, s := range m.Host.Sessions.Resources(user) {
		resources = append(resources, s.JID.Resource())
		if st := s.Stream(); st != nil {
			addresses = append(addresses, st.Remote.Addr().String())
		}
	}
	slices.Sort(resources)
	slices.Sort(addresses)
	f := form.Form{Type: nsAdmin, Fields: []form.Field{
		{Name: "ipaddresses", Kind: form.TextMulti, Label: "IP Addresses"},
		{Name: "rostersize", Label: "Roster size"},
		{Name: "onlineresources", Kind: form.TextMulti, Label: "Online Resources"},
	}}
	return adhoc.Show(f.Result(form.Values{
		"ipaddresses": slices.Compact(addresses), "rostersize": {strconv.Itoa(len(list))}, "onlineresources": resources,
	})), nil
}

// most is how many accounts are to be told.
func most(given form.Values) int {
	switch s := given.Get("max_items"); s {
	case "all":
		return maxList
	case "":
		return 25
	default:
		n, _ := strconv.Atoi(s) // one of the options
		return n
	}
}

// shown is a list of JIDs as the result of a command.
func shown(name, label string, list []string, more bool) adhoc.Reply {
	f := form.Form{Type: nsAdmin, Fields: []form.Field{{Name: name, Kind: form.TextMulti, Label: label}}}
	r := adhoc.Show(f.Result(form.Values{name: list}))
	if more {
		r.Notes = []adhoc.Note{{Kind: adhoc.Info, Text: "There are more."}}
	}
	return r
}

func (m *admin) online(_ context.Context, _ *adhoc.Call, given form.Values) (adhoc.Reply, error) {
	users := make(map[string]bool)
	for s := range m.Host.Sessions.All() {
		users[s.JID.Local()] = true
	}
	names := make([]string, 0, len(users))
	for user := range users {
		names = append(names, user)
	}
	slices.Sort(names)
	n := min(most(given), len(names))
	var lines []string
	for _, user := range names[:n] {
		lines = append(lines, user+"@"+m.Host.Name)
		if !given.True("details") {
			continue
		}
		for _, s := range m.Host.Sessions.Resources(user) {
			lines = append(lines, describe(s))
		}
	}
	return shown("onlineuserjids", "The list of all online users", lines, n < len(names)), nil
}

// describe is a connected resource in Prosody's form.
func describe(s *session.Session) string {
	status, from := "unavailable", "<unknown>"
	if p := s.Presence(); p != nil {
		status = cmp.Or(p.ChildText(element.NSClient, "show"), "available")
	}
	if st := s.Stream(); st != nil {
		from = st.Remote.Addr().String()
	}
	return fmt.Sprintf(" - %s: %s(%d), IP: [%s]", s.JID.Resource(), status, s.Priority(), from)
}

func (m *admin) registered(ctx context.Context, _ *adhoc.Call, given form.Values) (adhoc.Reply, error) {
	a, err := m.Env.Accounts(m.Host)
	if err != nil {
		return explain(err)
	}
	var lines []string
	n := most(given)
	for user, err := range a.Users(ctx) {
		if err != nil {
			return explain(err)
		}
		if len(lines) == n {
			return shown("registereduserjids", "The list of all users", lines, true), nil
		}
		lines = append(lines, user+"@"+m.Host.Name)
	}
	return shown("registereduserjids", "The list of all users", lines, false), nil
}

// number is a number as the result of a command.
func number(name, label string, n int) adhoc.Reply {
	f := form.Form{Type: nsAdmin, Fields: []form.Field{{Name: name, Label: label}}}
	return adhoc.Show(f.Result(form.Values{name: {strconv.Itoa(n)}}))
}

func (m *admin) onlineNumber(context.Context, *adhoc.Call) (adhoc.Reply, error) {
	users := make(map[string]bool)
	for s := range m.Host.Sessions.All() {
		users[s.JID.Local()] = true
	}
	return number("onlineusersnum", "The number of online users", len(users)), nil
}

func (m *admin) registeredNumber(ctx context.Context, _ *adhoc.Call) (adhoc.Reply, error) {
	a, err := m.Env.Accounts(m.Host)
	if err != nil {
		return explain(err)
	}
	n := 0
	for _, err := range a.Users(ctx) {
		if err != nil {
			return explain(err)
		}
		n++
	}
	return number("registeredusersnum", "The number of registered users", n), nil
}
