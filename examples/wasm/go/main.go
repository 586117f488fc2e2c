// SPDX-License-Identifier: Apache-2.0

//go:build wasip1

// Filter refuses messages with certain words, counts them, and tells how many
// they were: who asks by {urn:example:filter}stats, and admins by the ad-hoc
// command "filter".
package main

import (
	"bytes"
	"fmt"

	tercet "tercet.example/sdk"
)

func main() {}

var words [][]byte

func init() { tercet.Load = load }

func load() error {
	var option []string
	if err := tercet.Option("words", &option); err != nil {
		return fmt.Errorf("the option words: %w", err)
	}
	for _, w := range option {
		words = append(words, []byte(w))
	}
	for _, name := range []string{"pre-message/full", "pre-message/bare"} {
		if err := tercet.Handle(tercet.Hook{Name: name, Priority: 10, Filter: "child=jabber:client:body"}, message); err != nil {
			return err
		}
	}
	if err := tercet.Handle(tercet.Hook{Name: "iq-get/host/urn:example:filter:stats"}, stats); err != nil {
		return err
	}
	if err := tercet.Handle(tercet.Hook{Name: "adhoc/filter"}, command); err != nil {
		return err
	}
	if err := tercet.Add("adhoc-command", map[string]string{"node": "filter", "name": "Refused messages", "permission": "admin"}); err != nil {
		return err
	}
	return tercet.Add("feature", "urn:example:filter")
}

const refusal = "<error type='modify'><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"

func message(xml []byte) tercet.Verdict {
	for _, w := range words {
		if !bytes.Contains(xml, w) {
			continue
		}
		if _, err := tercet.Count("", "refused", 1); err != nil {
			tercet.Log(tercet.Warn, err.Error())
		}
		return answer(refusal)
	}
	return tercet.Next
}

func stats([]byte) tercet.Verdict {
	n, err := tercet.Count("", "refused", 0)
	if err != nil {
		return tercet.Failed
	}
	return answer(fmt.Sprintf("<stats xmlns='urn:example:filter' refused='%d'/>", n))
}

func command([]byte) tercet.Verdict {
	n, err := tercet.Count("", "refused", 0)
	if err != nil {
		return tercet.Failed
	}
	note := fmt.Sprintf(`{"kind": "info", "text": "Refused messages: %d"}`, n)
	if err := tercet.Replace(`{"status": "completed", "notes": [` + note + `]}`); err != nil {
		return tercet.Failed
	}
	return tercet.Stop
}

func answer(xml string) tercet.Verdict {
	if err := tercet.Reply(xml); err != nil {
		return tercet.Failed
	}
	return tercet.Stop
}
