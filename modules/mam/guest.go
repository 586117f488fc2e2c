// SPDX-License-Identifier: Apache-2.0

package mam

import "tercet/core/guest"

var _ = guest.Expose(ShouldStore, guest.Changing(viewStore, changeStore),
	"A message that may go into the archive of an account. Where the account's preferences decide otherwise, a guest sets store.")

// asked is what guests see of a StoreEvent.
type asked struct {
	Stanza  string `json:"stanza"`
	Account string `json:"account"`
	Store   bool   `json:"store"`
}

func viewStore(ev *StoreEvent) asked {
	return asked{string(ev.Stanza.AppendTo(nil)), ev.Account.String(), ev.Store}
}

func changeStore(ev *StoreEvent, v asked) error {
	ev.Store = v.Store
	return nil
}
