// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"errors"

	"tercet/modules/guest"
)

// effects are what a call of a guest shall have done. They take place when it
// has returned, and not at all if it failed.
type effects struct {
	*guest.Effects
	fetches int
}

// effects are those of the call at work, or nil outside of one.
func (i *instance) effects() *effects {
	if i.call.ev == nil {
		return nil
	}
	if i.call.out == nil {
		i.call.out = &effects{Effects: guest.NewEffects(i.plugin.scope, i.plugin.grants, i.call.ev)}
	}
	return i.call.out
}

// effect has a text of the guest, on the stack, become an effect.
func (i *instance) effect(stack []uint64, take func(*guest.Effects, []byte) error) {
	b, good := i.bytes(stack, 0)
	out := i.effects()
	switch {
	case !good:
		result(stack, errMalformed)
	case out == nil:
		result(stack, errDenied)
	default:
		result(stack, codeOf(take(out.Effects, b)))
	}
}

func codeOf(err error) int32 {
	switch {
	case err == nil:
		return ok
	case errors.Is(err, guest.ErrDenied):
		return errDenied
	case errors.Is(err, guest.ErrLarge):
		return errLarge
	default:
		return errMalformed
	}
}

// hostSend takes a stanza from the host itself.
func (i *instance) hostSend(stack []uint64) { i.effect(stack, (*guest.Effects).Send) }

// hostReply answers the stanza of the event.
func (i *instance) hostReply(stack []uint64) { i.effect(stack, (*guest.Effects).Reply) }

// hostReplace puts another payload into the stanza of the event, or another
// value in the place of its own.
func (i *instance) hostReplace(stack []uint64) { i.effect(stack, (*guest.Effects).Replace) }
