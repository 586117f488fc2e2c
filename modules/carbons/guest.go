// SPDX-License-Identifier: Apache-2.0

package carbons

import "tercet/core/guest"

var _ = guest.Expose(ShouldCopy, guest.Changing(view, change),
	"A message of which an account's other resources may get copies; sent: by the account. Where the rules of carbons decide otherwise, a guest sets copy.")

// seen is what guests see of a CopyEvent.
type seen struct {
	Stanza string `json:"stanza"`
	Sent   bool   `json:"sent"`
	Copy   bool   `json:"copy"`
}

func view(ev *CopyEvent) seen { return seen{string(ev.Stanza.AppendTo(nil)), ev.Sent, ev.Copy} }

func change(ev *CopyEvent, v seen) error {
	ev.Copy = v.Copy
	return nil
}
