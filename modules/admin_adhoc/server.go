// SPDX-License-Identifier: Apache-2.0

package admin_adhoc

import (
	"context"
	"strconv"
	"strings"
	"time"

	"tercet/config"
	"tercet/core/element"
	"tercet/core/form"
	"tercet/core/jid"
	"tercet/core/stanza"
	"tercet/modules/adhoc"
)

var delays = []form.Option{
	{Label: "5 seconds", Value: "5"},
	{Label: "30 seconds", Value: "30"},
	{Label: "60 seconds", Value: "60"},
	{Label: "90 seconds", Value: "90"},
	{Label: "2 minutes", Value: "120"},
	{Label: "3 minutes", Value: "180"},
	{Label: "4 minutes", Value: "240"},
	{Label: "5 minutes", Value: "300"},
}

// setServer sets the commands for the server as a whole.
func (m *admin) setServer() {
	m.set(nsConfig+"#reload", "Reload configuration", adhoc.GlobalAdmin, m.reload)
	m.setForm(nsAdmin+"#shutdown", "Shut Down Service", adhoc.GlobalAdmin, form.Form{
		Title: "Shutting Down the Service", Instructions: "Fill out this form to shut down the service.",
		Fields: []form.Field{
			{
				Name: "delay", Kind: form.ListSingle, Label: "Time delay before shutting down", Values: []string{"5"},
				Options: delays,
			},
			{Name: "announcement", Kind: form.TextMulti, Label: "Announcement"},
		},
	}, m.shutDown)
}

func (m *admin) reload(ctx context.Context, c *adhoc.Call) (adhoc.Reply, error) {
	m.Log.InfoContext(ctx, "an admin reloads the config", "jid", c.From.String())
	plan, err := m.Env.Control.Reload(context.WithoutCancel(ctx)) // this module may be among those that go
	r := adhoc.Done("Configuration reloaded")
	if err != nil {
		r = adhoc.Failed("Failed to reload config: " + err.Error())
	}
	var lines []string
	for _, p := range config.Sort(plan.Problems) {
		lines = append(lines, p.String())
	}
	if lines != nil {
		r.Notes = append(r.Notes, adhoc.Note{Kind: adhoc.Warn, Text: strings.Join(lines, "\n")})
	}
	return r, nil
}

func (m *admin) shutDown(ctx context.Context, _ *adhoc.Call, given form.Values) (adhoc.Reply, error) {
	delay, err := strconv.Atoi(given.Get("delay"))
	if err != nil {
		delay = 5 // none was given
	}
	if text := given.Text("announcement"); text != "" {
		m.tellAll(ctx, text)
	}
	m.After(time.Duration(delay)*time.Second, func(context.Context) { m.Env.Control.Stop("Shutdown by adhoc command") })
	return adhoc.Done("Server is about to shut down"), nil
}

// tellAll sends a message to all accounts of the server that have an available
// resource.
func (m *admin) tellAll(ctx context.Context, text string) {
	subject := element.New(element.NSClient, "subject").Text("Server is shutting down").Element()
	body := element.New(element.NSClient, "body").Text(text).Element()
	for _, h := range m.Env.Router.Hosts() {
		st := stanza.New(stanza.Message, "headline", h.JID, jid.JID{}, stanza.NewID(), subject, body)
		told := make(map[jid.JID]bool)
		for s := range h.Sessions.All() {
			if to := s.JID.Bare(); s.Available() && !told[to] {
				told[to] = true
				h.Send(ctx, st.WithTo(to))
			}
		}
	}
}
