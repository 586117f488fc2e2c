// SPDX-License-Identifier: Apache-2.0

// Filter refuses messages with certain words, counts them, and tells how many
// they were: who asks by {urn:example:filter}stats, and admins by the ad-hoc
// command "filter".
package main

import (
	"bytes"
	"fmt"

	"tercet.example/process"
)

func main() { process.Serve(load) }

const refusal = "<error type='modify'><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"

func load(p *process.Plugin) error {
	var words []string
	if err := p.Option("words", &words); err != nil {
		return err
	}
	message := func(ev *process.Event) (process.Verdict, error) {
		for _, w := range words {
			if !bytes.Contains(ev.Body, []byte(w)) {
				continue
			}
			if _, err := p.Count("", "refused", 1); err != nil {
				return process.Next, err
			}
			ev.Reply(refusal)
			return process.Stop, nil
		}
		return process.Next, nil
	}
	for _, name := range []string{"pre-message/full", "pre-message/bare"} {
		p.Handle(process.Hook{Name: name, Priority: 10, Filter: "child=jabber:client:body"}, message)
	}
	p.Handle(process.Hook{Name: "iq-get/host/urn:example:filter:stats"}, func(ev *process.Event) (process.Verdict, error) {
		n, err := p.Count("", "refused", 0)
		ev.Reply(fmt.Sprintf("<stats xmlns='urn:example:filter' refused='%d'/>", n))
		return process.Stop, err
	})
	p.Handle(process.Hook{Name: "adhoc/filter"}, func(ev *process.Event) (process.Verdict, error) {
		n, err := p.Count("", "refused", 0)
		ev.Replace(fmt.Sprintf(`{"status": "completed", "notes": [{"kind": "info", "text": "Refused messages: %d"}]}`, n))
		return process.Stop, err
	})
	if err := p.Add("adhoc-command", map[string]string{"node": "filter", "name": "Refused messages", "permission": "admin"}); err != nil {
		return err
	}
	return p.Add("feature", "urn:example:filter")
}
